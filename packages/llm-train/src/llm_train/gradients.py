"""What happens to gradients between the backward pass and the update."""

from collections.abc import Sequence

import torch
from torch import Tensor


def gradient_norm(gradients: Sequence[Tensor]) -> Tensor:
    """The length of all gradients laid end to end: the root of the sum of all squares, in float32 at least."""
    if not gradients:
        return torch.zeros(())
    norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    whole: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return whole


def clip_gradients(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
    """Shorten all gradients together to a norm of `limit` where it is longer; give them and the norm before.

    Formula: g ← g · limit / ‖g‖  where ‖g‖ > limit, with ‖g‖² = the sum over all gradients of their squares

    Why it works:
        Now and then a batch gives a gradient many times the usual size, and one such step can undo a thousand. Cutting
        its length keeps its direction. That holds only when all gradients shrink by the same factor: clipping each
        tensor by itself would turn the direction. A gradient within the limit is left exactly as it is.

    Args:
        gradients: of all weights; they are not changed in place.
        limit: the largest norm that passes.

    Returns:
        The gradients to use, and the norm they had.

    Spec: train.clip_gradients
    Source: Pascanu, Mikolov and Bengio 2013, "On the difficulty of training Recurrent Neural Networks",
        arXiv:1211.5063.
    """
    norm = gradient_norm(gradients)
    if not norm > limit:
        return list(gradients), norm
    return [gradient * (limit / norm) for gradient in gradients], norm
