"""The norms in few passes over memory."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from llm_layers.kernels.product import blocks, wide


def rms_norm(
    x: Float[Tensor, "*batch d_model"], gain: Float[Tensor, " d_model"], eps: float = 1e-6
) -> Float[Tensor, "*batch d_model"]:
    """Give what `llm_layers.rms_norm` gives, with one number kept per vector.

    Formula: y = gain · x̂ with x̂ = x r, r = 1 / √(mean(x²) + eps);
        d gain = Σ dy ⊙ x̂,  dx = r (gain ⊙ dy - x̂ mean(dy ⊙ x̂ ⊙ gain))

    Why it works:
        Written out, each step of the formula is a pass over memory in both directions, and torch keeps an array for
        each. Nothing of it is needed: x is there anyway (the stream), r is one number per vector, and x̂ is one
        multiplication away. The steps run over a few rows at a time, so that what one step wrote the next finds in
        the cache.

    Args:
        x: vectors along the last axis.
        gain: one factor per coordinate.
        eps: floor of the mean square.

    Spec: layers.rms_norm
    Source: Zhang and Sennrich 2019, arXiv:1910.07467; backward derived in `reference/norm.py`.
    """
    y: Tensor = _RMSNorm.apply(x, gain, eps)  # type: ignore[no-untyped-call]
    return y


def layer_norm(
    x: Float[Tensor, "*batch d_model"],
    gain: Float[Tensor, " d_model"],
    bias: Float[Tensor, " d_model"] | None,
    eps: float = 1e-5,
) -> Float[Tensor, "*batch d_model"]:
    """Give what `llm_layers.layer_norm` gives, through torch's own kernel.

    Formula: y = gain · (x - mean(x)) / √(mean((x - mean(x))²) + eps) + bias

    Why it works:
        torch has this norm as one compiled kernel in both directions: one pass where the formula takes seven.

    Args:
        x: vectors along the last axis.
        gain: one factor per coordinate.
        bias: one number to add per coordinate; None adds nothing.
        eps: floor of the variance.

    Spec: layers.layer_norm
    Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450; `torch.nn.functional.layer_norm`.
    """
    return F.layer_norm(x, gain.shape, gain, bias, eps)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, gain: Tensor, eps: float) -> Tensor:
        width = max(1, x.shape[-1])
        rows, wide_gain = wide(x.reshape(-1, x.shape[-1])), wide(gain)
        length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
        inverse = length.square_().mul_(1 / width).add_(eps).rsqrt_()
        y = torch.empty_like(rows)
        for part in blocks(*rows.shape):
            torch.mul(rows[part], inverse[part], out=y[part]).mul_(wide_gain)
        context.save_for_backward(x, inverse, gain)
        return y.view(x.shape).to(torch.promote_types(x.dtype, gain.dtype))

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor, Tensor, None]:
        x, inverse, gain = context.saved_tensors
        rows, wide_gain = x.reshape(-1, x.shape[-1]), wide(gain)
        upstream = wide(dy.reshape(rows.shape))
        dx = torch.empty(rows.shape, dtype=upstream.dtype, device=x.device)
        dgain = torch.zeros_like(wide_gain)
        for part in blocks(*rows.shape):
            unit = rows[part] * inverse[part]
            shares = upstream[part] * unit
            dgain += shares.sum(0)
            mean = torch.mv(shares, wide_gain)[:, None].div_(-rows.shape[1])
            torch.mul(upstream[part], wide_gain, out=dx[part]).addcmul_(unit, mean).mul_(inverse[part])
        return dx.view(dy.shape).to(x.dtype), dgain.to(gain.dtype), None
