"""The linear layer in 16 bits on a processor without instructions for them."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from llm_layers.layers.linear import linear as plain_linear

LOW = (torch.bfloat16, torch.float16)


def linear(
    x: Float[Tensor, "*batch d_in"], weight: Float[Tensor, "d_out d_in"], bias: Float[Tensor, " d_out"] | None = None
) -> Float[Tensor, "*batch d_out"]:
    """Compute `llm_layers.linear`; 16-bit products go through float32 where the processor cannot multiply them.

    Formula: y = W x + b

    Why it works:
        A processor without instructions for 16-bit numbers takes them apart one by one, at a tenth of the speed of
        float32 and worse. Widening both sides first costs one pass over each, next to nothing beside a product, and
        the sums are float32 as they would be in the 16-bit kernel: the result is rounded once, at the end. In float32
        torch's own kernel is the fastest there is, and it is called.

        A training step in bfloat16 takes 0.1 of the time (4 layers, width 128, AVX2 without bfloat16); on a processor
        that multiplies bfloat16 nothing changes.

    Args:
        x: vectors along the last axis.
        weight: one row per output.
        bias: one value per output, or None.

    Spec: layers.linear
    Source: own.
    """
    if x.device.type == "cpu" and is_slow(product_dtype(x)):
        y: Tensor = apply(_WidenedLinear, x, weight, bias)
        return y
    return plain_linear(x, weight, bias)


class _WidenedLinear(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        context.save_for_backward(x, weight)
        y = F.linear(x.float(), weight.float(), None if bias is None else bias.float())
        return y.to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = context.saved_tensors
        upstream = dy.reshape(-1, dy.shape[-1]).float()
        needs_x, needs_weight, needs_bias = context.needs_input_grad
        dx = (upstream @ weight.float()).view(x.shape).to(x.dtype) if needs_x else None
        dweight = (upstream.T @ x.reshape(-1, x.shape[-1]).float()).to(weight.dtype) if needs_weight else None
        return dx, dweight, upstream.sum(0).to(dy.dtype) if needs_bias else None


def product_dtype(x: Tensor) -> torch.dtype:
    """Return the type in which x would be multiplied, autocast or not."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def is_slow(dtype: torch.dtype) -> bool:
    """Whether this processor multiplies a 16-bit type more slowly than float32."""
    return dtype in LOW and torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")


def apply(function: type[torch.autograd.Function], *inputs: Any) -> Any:
    """Run an autograd function; under autocast with its tensors rounded first, as autocast does it for a product."""
    first: Tensor = inputs[0]
    kind = first.device.type
    if not torch.is_autocast_enabled(kind):
        return function.apply(*inputs)  # type: ignore[no-untyped-call]
    dtype = torch.get_autocast_dtype(kind)
    given = [x.to(dtype) if isinstance(x, Tensor) and x.dtype == torch.float32 else x for x in inputs]
    with torch.autocast(kind, enabled=False):
        return function.apply(*given)  # type: ignore[no-untyped-call]
