"""The linear map, fast in every number type."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from llm_layers.fast.product import LOW, add_product, apply, is_slow, product


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


def linears(
    x: Float[Tensor, "*batch d_in"],
    weights: Sequence[Float[Tensor, "_ d_in"]],
    biases: Sequence[Float[Tensor, " _"] | None],
) -> tuple[Float[Tensor, "*batch _"], ...]:
    """Give several linear maps of one x.

    Formula: y_i = W_i x + b_i;  dx = Σ dy_i W_i

    Why it works:
        The gradients of x from all maps must be added up. A matrix product can add to what is there while it runs; as
        separate maps each would write an array of its own, and two more passes would add them. (To lay the weights
        together for one large product was measured too: it takes as long as the three.)

    Args:
        x: vectors along the last axis.
        weights: one row per output number each.
        biases: one for each weight, or None.

    Spec: layers.linear
    Source: own.
    """
    maps: tuple[Tensor, ...] = apply(_Linears, x, len(weights), *weights, *biases)
    return maps


class _Linears(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, count: int, *given: Any) -> tuple[Tensor, ...]:
        weights, biases = given[:count], given[count:]
        rows = x.reshape(-1, x.shape[-1])
        context.save_for_backward(rows, *weights)
        maps = []
        for weight, bias in zip(weights, biases, strict=True):
            y = product(rows, weight.T)
            maps.append((y if bias is None else y.add_(bias)).view(*x.shape[:-1], len(weight)))
        return tuple(maps)

    @staticmethod
    @once_differentiable
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        rows, *weights = context.saved_tensors
        flat = [dy.reshape(-1, dy.shape[-1]) for dy in upstream]
        dx = product(flat[0], weights[0])
        for dy, weight in zip(flat[1:], weights[1:], strict=True):
            add_product(dx, dy, weight)
        dweights = [product(dy.T, rows) for dy in flat]
        biased = context.needs_input_grad[2 + len(weights) :]
        dbiases = [dy.sum(0) if wanted else None for dy, wanted in zip(flat, biased, strict=True)]
        return dx.view(*upstream[0].shape[:-1], dx.shape[-1]), None, *dweights, *dbiases


class _WidenedLinear(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        context.save_for_backward(rows, weight)
        y = product(rows, weight.T)
        if bias is not None:
            y += bias
        return y.view(*x.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = context.saved_tensors
        upstream = dy.reshape(-1, dy.shape[-1])
        needs_x, needs_weight, needs_bias = context.needs_input_grad
        dx = product(upstream, weight).view(*dy.shape[:-1], weight.shape[1]) if needs_x else None
        dweight = product(upstream.T, rows) if needs_weight else None
        return dx, dweight, upstream.sum(0) if needs_bias else None
