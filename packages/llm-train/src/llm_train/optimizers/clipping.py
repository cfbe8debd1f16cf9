"""Gradient clipping: limit the norm of all gradients together."""

from collections.abc import Sequence

import torch
from torch import Tensor

from llm_train.backends.splitting import whole


def gradient_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Return the norm of all gradients as one vector: the root of the sum of all squares, in float32 at least.

    Row by row, and then over the norms of all rows. Where a matrix is split over processes, each has whole rows: what
    they exchange is one number a row, and the sum is rounded as if one process had all of them.
    """
    if not gradients:
        return torch.zeros(())
    norms = [whole(_row_norms(gradient)).reshape(-1) for gradient in gradients]
    result: Tensor = torch.linalg.vector_norm(torch.cat(norms))
    return result


def _row_norms(gradient: Tensor) -> Tensor:
    dtype = torch.promote_types(gradient.dtype, torch.float32)
    if gradient.ndim < 2:
        return gradient.to(dtype)
    rows: Tensor = torch.linalg.vector_norm(gradient, dim=-1, dtype=dtype)
    return rows


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
