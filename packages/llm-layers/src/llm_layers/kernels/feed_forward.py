"""Feed-forward parts as one step each: products, the bend between them, and only what the way back needs."""

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from llm_layers.kernels.product import add_product, affine, apply, blocks, only_once, product, product_into, put, wide


@dataclass(frozen=True, kw_only=True)
class Bend:
    """A curve of the form y = a · σ(v(a)): SiLU, and GELU in its tanh form.

    Why it works:
        tanh(u) = 2 σ(2u) - 1, so GELU's ½ (1 + tanh(u)) is σ(2u), and one sigmoid takes a third of the time of one
        tanh. Both curves are then a number times an opening between 0 and 1, and so is the slope:
        y' = σ + y (1 - σ) v'. With a and σ at hand that is a handful of multiplications.

    Args:
        steepness: v = steepness · a + cubic · a³.
        cubic: 0 for SiLU.
    """

    steepness: float
    cubic: float = 0.0

    def opening(self, a: Tensor) -> Tensor:
        """Give σ(v(a))."""
        if self.cubic == 0.0:
            return torch.sigmoid(a)
        return torch.addcmul(a.new_tensor(self.steepness), a, a, value=self.cubic).mul_(a).sigmoid_()

    def slope(self, a: Tensor, opening: Tensor, y: Tensor) -> Tensor:
        """Give the derivative of a · σ(v(a)) from σ and y = a σ; it is written where a stood."""
        closing = torch.addcmul(y, y, opening, value=-1)
        if self.cubic == 0.0:
            return torch.add(closing, opening, out=a)
        # Beyond ±10 the curve is straight; there v' would overflow and meet a zero.
        near = a.clamp_(-10, 10)
        steep = torch.addcmul(a.new_tensor(self.steepness), near, near, value=3 * self.cubic, out=a)
        return torch.addcmul(opening, closing, steep, out=a)


SILU = Bend(steepness=1.0)
GELU_TANH = Bend(steepness=2 * sqrt(2 / pi), cubic=2 * sqrt(2 / pi) * 0.044715)


def swiglu(
    x: Float[Tensor, "*batch d_model"],
    gate: Float[Tensor, "d_ff d_model"],
    up: Float[Tensor, "d_ff d_model"],
    down: Float[Tensor, "d_model d_ff"],
) -> Float[Tensor, "*batch d_model"]:
    """Give what `llm_layers.swiglu` gives, and keep three arrays of width d_ff instead of four.

    Formula: y = down (silu(gate x) ⊙ up x)

    Why it works:
        Going back through a step between numbers is to multiply with its slope. The slope is cheapest to work out
        on the way forward, while everything that it is made of lies in the cache, and it can stand where the numbers
        stood that are no longer needed. So three arrays are kept where autograd, step by step, keeps four, and the way
        back is two multiplications. All steps between the products run over a few rows at a time.

    Args:
        x: vectors along the last axis.
        gate: the questions, stored (out, in).
        up: the answers.
        down: back to the width of the stream.

    Spec: layers.swiglu
    Source: Shazeer 2020, arXiv:2002.05202; backward derived in `reference/feed_forward.py`.
    """
    y: Tensor = apply(_Gated, x, gate, up, down, SILU)
    return y


def geglu(
    x: Float[Tensor, "*batch d_model"],
    gate: Float[Tensor, "d_ff d_model"],
    up: Float[Tensor, "d_ff d_model"],
    down: Float[Tensor, "d_model d_ff"],
) -> Float[Tensor, "*batch d_model"]:
    """Give what `llm_layers.geglu` gives, as `swiglu` does it.

    Formula: y = down (gelu_tanh(gate x) ⊙ up x)

    Why it works:
        See `swiglu`, and `Bend` for how a tanh becomes a sigmoid.

    Args:
        x: vectors along the last axis.
        gate: the questions, stored (out, in).
        up: the answers.
        down: back to the width of the stream.

    Spec: layers.geglu
    Source: Shazeer 2020, arXiv:2002.05202.
    """
    y: Tensor = apply(_Gated, x, gate, up, down, GELU_TANH)
    return y


def gelu_feed_forward(
    x: Float[Tensor, "*batch d_model"],
    up: Float[Tensor, "d_ff d_model"],
    up_bias: Float[Tensor, " d_ff"],
    down: Float[Tensor, "d_model d_ff"],
    down_bias: Float[Tensor, " d_model"],
) -> Float[Tensor, "*batch d_model"]:
    """Give what `llm_layers.gelu_feed_forward` gives, with a sigmoid for the tanh.

    Formula: y = down gelu_tanh(up x + up_bias) + down_bias

    Why it works:
        See `Bend`.

    Args:
        x: vectors along the last axis.
        up: the patterns, stored (out, in).
        up_bias: the thresholds, with the sign turned.
        down: what each unit writes.
        down_bias: what is written whatever x is.

    Spec: layers.gelu_feed_forward
    Source: Radford et al. 2019 (GPT-2).
    """
    y: Tensor = apply(_Plain, x, up, up_bias, down, down_bias, GELU_TANH)
    return y


def relu_squared_feed_forward(
    x: Float[Tensor, "*batch d_model"],
    up: Float[Tensor, "d_ff d_model"],
    down: Float[Tensor, "d_model d_ff"],
) -> Float[Tensor, "*batch d_model"]:
    """Give what `llm_layers.relu_squared_feed_forward` gives, and keep one array of width d_ff instead of two.

    Formula: y = down r² with r = max(up x, 0);  d(up x) = 2 r dr²

    Why it works:
        Value and slope are both functions of r alone, and r can stand where up x stood.

    Args:
        x: vectors along the last axis.
        up: the patterns, stored (out, in).
        down: what each unit writes.

    Spec: layers.relu_squared_feed_forward
    Source: So et al. 2021, arXiv:2109.08668.
    """
    y: Tensor = apply(_ReluSquared, x, up, down)
    return y


class _ReluSquared(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, up: Tensor, down: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        r = product(rows, up.T).relu_()
        context.shape = x.shape
        context.save_for_backward(rows, r, up, down)
        return product(r * r, down.T).view(*x.shape[:-1], len(down))

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor, ...]:
        only_once(context)
        rows, r, up, down = context.saved_tensors
        upstream = dy.reshape(-1, dy.shape[-1])
        ddown = product(upstream.T, r * r)
        da = r.mul_(2).mul_(product(upstream, down))
        return product(da, up).view(context.shape), product(da.T, rows), ddown


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, gate: Tensor, up: Tensor, down: Tensor, bend: Bend) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        a, u = product(rows, gate.T), product(rows, up.T)  # they become y, and y' u
        h = torch.empty_like(a)
        for part in blocks(*a.shape):
            wide_a, wide_u = wide(a[part]), wide(u[part])
            opening = bend.opening(wide_a)
            y = wide_a * opening
            h[part] = y * wide_u
            put(u, part, wide_u.mul_(bend.slope(wide_a, opening, y)))
            a[part] = y
        context.shape = x.shape
        context.save_for_backward(rows, a, u, h, gate, up, down)
        return product(h, down.T).view(*x.shape[:-1], len(down))

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        only_once(context)
        rows, bent, answered_slope, h, gate, up, down = context.saved_tensors
        upstream = dy.reshape(-1, dy.shape[-1])
        ddown = product(upstream.T, h)
        dh = product_into(h, upstream, down)
        du = bent.mul_(dh)
        da = dh.mul_(answered_slope)
        dx = add_product(product(da, gate), du, up).view(context.shape)
        return dx, product(da.T, rows), product(du.T, rows), ddown, None


class _Plain(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, x: Tensor, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor, bend: Bend
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        a = affine(rows, up, up_bias)  # it becomes y'
        h = torch.empty_like(a)
        for part in blocks(*a.shape):
            wide_a = wide(a[part])
            opening = bend.opening(wide_a)
            y = torch.mul(wide_a, opening, out=h[part] if h.dtype == wide_a.dtype else None)
            put(h, part, y)
            put(a, part, bend.slope(wide_a, opening, y))
        context.shape = x.shape
        context.save_for_backward(rows, a, h, up, down)
        return affine(h, down, down_bias).view(*x.shape[:-1], len(down))

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        only_once(context)
        rows, slope, h, up, down = context.saved_tensors
        upstream = dy.reshape(-1, dy.shape[-1])
        ddown = product(upstream.T, h)
        da = product_into(h, upstream, down).mul_(slope)
        dx = product(da, up).view(context.shape)
        return dx, product(da.T, rows), da.sum(0), ddown, upstream.sum(0), None
