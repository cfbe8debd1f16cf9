"""Feed-forward parts with less to keep for backward, or less to compute there."""

from math import pi, sqrt
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from llm_layers.layers.activation import gelu_tanh
from llm_layers.layers.linear import LinearMap
from llm_layers.layers.precision import like, wide

BLOCK = 2**16
"""How many elements go through all steps of GELU at a time: few enough for a cache."""
STEEPNESS = 2 * sqrt(2 / pi)
CUBIC = STEEPNESS * 0.044715


def swiglu(
    x: Float[Tensor, "*batch d_model"], gate: LinearMap, up: LinearMap, down: LinearMap
) -> Float[Tensor, "*batch d_model"]:
    """Compute `llm_layers.swiglu`, and keep three arrays of width d_ff instead of four.

    Formula: y = down(h) with h = s ⊙ u, s = silu(a), a = gate(x), u = up(x);  du = s ⊙ dh,  da = silu'(a) ⊙ u ⊙ dh

    Why it works:
        Autograd keeps what each step needs for backward: a for SiLU, s and u for the product, h for `down`. But s is
        one sigmoid away from a, so it is computed again: that is activation checkpointing for the one step where it
        costs next to nothing. Each product is written where one of its factors stood.

        A training step holds 0.87 of the memory and takes 1.00 to 1.03 of the time (6 layers, width 384, AVX-512).

    Spec: layers.swiglu
    Source: Shazeer 2020, arXiv:2002.05202; recomputing: Chen et al. 2016, arXiv:1604.06174.
    """
    a, u = wide(gate(x)), wide(up(x))
    common = torch.promote_types(a.dtype, u.dtype)
    h: Tensor = _SiluProduct.apply(a.to(common), u.to(common))  # type: ignore[no-untyped-call]
    return like(down(h), x)


def gelu_feed_forward(
    x: Float[Tensor, "*batch d_model"], up: LinearMap, down: LinearMap
) -> Float[Tensor, "*batch d_model"]:
    """Compute `llm_layers.gelu_feed_forward`, and the slope of GELU on the way forward.

    Formula: y = down(a σ(v)) with a = up(x), v = a (c + k a²), c = 2 √(2/π), k = 0.044715 c;
        da = dh ⊙ (σ + a σ (1 - σ) (c + 3 k a²))

    Why it works:
        tanh(u) = 2 σ(2u) - 1, so GELU's ½ (1 + tanh(u)) is one sigmoid. With a and σ at hand its slope is a few
        multiplications, over a few elements at a time that lie in the cache, and backward is one product. The slope is
        kept instead of a, so nothing more is kept.

        Forward and backward of GELU take 0.7 to 0.8 of the time of torch's kernel in float32 (768 x 512, one thread,
        AVX-512), and a training step of a GPT-2 0.95 (4 layers, width 128).

    Spec: layers.gelu_feed_forward
    Source: Radford et al. 2019 (GPT-2); backward derived in `reference/activation.py`.
    """
    return down(_gelu(up(x)))


def _gelu(a: Tensor) -> Tensor:
    """Compute `gelu_tanh`: by blocks where a gradient is wanted, else by torch's kernel, as in 16 bits."""
    by_blocks = a.device.type == "cpu" and a.dtype in (torch.float32, torch.float64)
    if not (by_blocks and a.requires_grad and torch.is_grad_enabled()):
        return gelu_tanh(a)
    y: Tensor = _Gelu.apply(a)  # type: ignore[no-untyped-call]
    return y


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, a: Tensor) -> Tensor:
        flat = a.reshape(-1)
        y, slope = torch.empty_like(flat), torch.empty_like(flat)
        c = flat.new_tensor(STEEPNESS)
        for x, s, t in zip(*(torch.split(one, BLOCK) for one in (flat, y, slope)), strict=True):
            torch.mul(x, x, out=t).clamp_(max=100.0)  # beyond 10 the sigmoid is 0 or 1 with any square
            torch.add(c, t, alpha=CUBIC, out=s).mul_(x).sigmoid_()
            torch.add(c, t, alpha=3 * CUBIC, out=t).mul_(x).mul_(s)
            t.addcmul_(t, s, value=-1).add_(s)
            s.mul_(x)
        context.save_for_backward(slope)
        return y.view(a.shape)

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> Tensor:
        slope: Tensor
        (slope,) = context.saved_tensors
        return dy * slope.view(dy.shape)


class _SiluProduct(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, a: Tensor, u: Tensor) -> Tensor:
        context.save_for_backward(a, u)
        return F.silu(a).mul_(u)

    @staticmethod
    @once_differentiable
    def backward(context: Any, dh: Tensor) -> tuple[Tensor, Tensor]:
        a, u = context.saved_tensors
        ds = dh * u
        slope_of = torch.ops.aten.silu_backward
        return slope_of.grad_input(ds, a, grad_input=ds), F.silu(a).mul_(dh)
