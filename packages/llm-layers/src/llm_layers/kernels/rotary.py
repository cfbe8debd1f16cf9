"""Rotary turning that keeps nothing for the way back."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from llm_layers.layers.rotary import Rotation


def rotate(x: Float[Tensor, "*batch d_head"], rotation: Rotation) -> Float[Tensor, "*batch d_head"]:
    """Give what `llm_layers.layers.rotary.rotate` gives, written straight into its place.

    Formula: (y[k], y[k+h]) = R(a[k]) (x[k], x[k+h]) with h = d/2;  dx = R(-a) dy

    Why it works:
        To undo a turn is to turn back: the backward pass needs the angles and not x, and is the same few lines with
        the sine's sign turned. Both halves are written where they belong, so there is no joining at the end.

    Args:
        x: queries or keys along the last axis.
        rotation: cosine and sine, broadcast against the halves of x.

    Spec: layers.rotary
    Source: Su et al. 2021, arXiv:2104.09864.
    """
    y: Tensor = _Rotate.apply(x, *rotation)  # type: ignore[no-untyped-call]
    return y


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        context.save_for_backward(cosine, sine)
        # Heads side by side in memory, whatever they were: the products of attention want them so.
        return _turned(x, cosine, sine, torch.empty(x.shape, dtype=x.dtype, device=x.device))

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = context.saved_tensors
        return _turned(dy, cosine, -sine, torch.empty_like(dy)), None, None


def _turned(x: Tensor, cosine: Tensor, sine: Tensor, y: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    y_first, y_second = y.chunk(2, dim=-1)
    torch.mul(first, cosine, out=y_first).addcmul_(second, sine, value=-1)
    torch.mul(second, cosine, out=y_second).addcmul_(first, sine)
    return y
