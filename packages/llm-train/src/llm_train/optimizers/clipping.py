"""Gradient clipping: limit the norm of all gradients together."""

from collections.abc import Sequence

import torch
from torch import Tensor


def gradient_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Return the norm of all gradients as one vector: the root of the sum of all squares, in float32 at least."""
    if not gradients:
        return torch.zeros(())
    norms = [
        torch.linalg.vector_norm(gradient, dtype=torch.promote_types(gradient.dtype, torch.float32))
        for gradient in gradients
    ]
    whole: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return whole


def clip_gradients(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
    """Scale all gradients down together so that their norm is at most `limit`.

    Formula: g ← g · limit / ‖g‖  where ‖g‖ > limit, with ‖g‖² = the sum over all gradients of their squares

    Why it works:
        Now and then a batch has a gradient many times the usual size, and one such step can undo a thousand. Scaling
        it down keeps its direction, if all gradients are scaled by the same factor: clipping each tensor by itself
        would change the direction. A gradient within the limit is left exactly as it is.

    Args:
        gradients: of all weights; they are not changed in place.
        limit: the largest norm that is left as it is.

    Returns:
        The clipped gradients, and the norm before clipping.

    Spec: train.clip_gradients
    Source: Pascanu, Mikolov and Bengio 2013, "On the difficulty of training Recurrent Neural Networks",
        arXiv:1211.5063.
    """
    norm = gradient_norm(gradients)
    if not norm > limit:
        return list(gradients), norm
    return [gradient * (limit / norm) for gradient in gradients], norm
