"""The linear map, fast in every number type."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from llm_layers.kernels.product import LOW, affine, apply, is_slow, product

MANY = 4
"""From how many rows a coordinate on the weights of several maps are laid together."""


def linear(
    x: Float[Tensor, "*batch d_in"],
    weight: Float[Tensor, "d_out d_in"],
    bias: Float[Tensor, " d_out"] | None = None,
) -> Float[Tensor, "*batch d_out"]:
    """Give what `llm_layers.linear` gives; bfloat16 goes through float32 where the processor cannot multiply it.

    Formula: y = W x + b

    Why it works:
        In float32 torch's own kernel is the fastest there is, and it is called. Only the product of 16-bit numbers on
        a processor without instructions for them is taken another way, see `product`.

    Args:
        x: vectors along the last axis.
        weight: one row per output number.
        bias: one number per output, or None.

    Spec: layers.linear
    Source: as `llm_layers.linear`.
    """
    wanted = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    if x.device.type == "cpu" and wanted in LOW and is_slow(x.new_empty(0, dtype=wanted)):
        y: Tensor = apply(_WidenedLinear, x, weight, bias)
        return y
    return F.linear(x, weight, bias)


def fused_linears(
    x: Float[Tensor, "*batch d_in"],
    weights: Sequence[Float[Tensor, "_ d_in"]],
    biases: Sequence[Float[Tensor, " _"] | None],
) -> tuple[Float[Tensor, "*batch _"], ...]:
    """Give several linear maps of one x.

    Formula: y_i = W_i x + b_i

    Why it works:
        One product with the weights laid under each other is the same numbers. It comes nearer to the speed of the
        processor than several narrow products, and its gradient of x is one sum instead of several arrays that must
        be added up. Beside many rows the copy of the weights is nothing; beside few it costs more than it gains.

    Args:
        x: vectors along the last axis.
        weights: one row per output number each.
        biases: one for each weight, or None.

    Spec: layers.linear
    Source: own.
    """
    given = [bias for bias in biases if bias is not None]
    if x.shape[:-1].numel() < MANY * x.shape[-1] or len(given) not in (0, len(weights)):
        return tuple(linear(x, weight, bias) for weight, bias in zip(weights, biases, strict=True))
    together = linear(x, torch.cat(tuple(weights)), torch.cat(given) if given else None)
    return torch.split(together, [len(weight) for weight in weights], dim=-1)


class _WidenedLinear(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        context.save_for_backward(rows, weight)
        return affine(rows, weight, bias).view(*x.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = context.saved_tensors
        upstream = dy.reshape(-1, dy.shape[-1])
        needs_x, needs_weight, needs_bias = context.needs_input_grad
        dx = product(upstream, weight).view(*dy.shape[:-1], weight.shape[1]) if needs_x else None
        dweight = product(upstream.T, rows) if needs_weight else None
        return dx, dweight, upstream.sum(0) if needs_bias else None
