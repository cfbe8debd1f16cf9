"""Mistakes with clipping."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.clip_gradients")

Gradients = Sequence[Tensor]
Clipped = tuple[list[Tensor], Tensor]


def _norm(gradients: Gradients) -> Tensor:
    return torch.stack([(gradient**2).sum() for gradient in gradients]).sum().sqrt()


def _shorter(norm: Tensor, limit: float) -> Tensor:
    return torch.clamp(limit / (norm + 1e-30), max=1.0)


def _clip(
    norm: Callable[[Gradients], Tensor] = _norm, scale: Callable[[Tensor, float], Tensor | float] = _shorter
) -> Callable[..., Clipped]:
    """Return the clipping with another norm or another factor."""

    def clip_gradients(gradients: Gradients, limit: float) -> Clipped:
        length = norm(gradients)
        return [gradient * scale(length, limit) for gradient in gradients], length

    return clip_gradients


slip("each gradient clipped by itself", "One norm for all, or the direction changes.")(
    lambda gradients, limit: ([g * _shorter(g.norm(), limit) for g in gradients], _norm(gradients))
)
slip("always scaled to the limit", "Gradients below the limit are left alone.")(
    _clip(scale=lambda norm, limit: limit / norm if norm > 0 else 1.0)
)
slip("clipped number by number", "All values are multiplied by the same factor.")(
    lambda gradients, limit: ([g.clamp(-limit, limit) for g in gradients], _norm(gradients))
)
slip("norm without the root", "The norm is the root of the sum of squares.")(
    _clip(lambda gradients: _norm(gradients) ** 2)
)
slip("norms of the gradients added up", "Add the squares, then take one root.")(
    _clip(lambda gradients: torch.stack([gradient.norm() for gradient in gradients]).sum())
)
slip("root of the mean square instead of the sum", "The norm grows with the number of weights.")(
    _clip(lambda gradients: torch.cat([gradient.flatten() for gradient in gradients]).square().mean().sqrt())
)
slip("the norm after clipping is returned", "The norm before clipping shows what happened.")(
    lambda gradients, limit: (_clip()(gradients, limit)[0], _norm(gradients) * _shorter(_norm(gradients), limit))
)
slip("divided by the norm, not by norm / limit", "Multiply by the limit as well.")(
    _clip(scale=lambda norm, limit: 1 / norm if norm > limit else 1.0)
)
slip("0/0 where all gradients are zero", "Divide only where the norm is above the limit.")(
    _clip(scale=lambda norm, limit: torch.minimum(torch.ones_like(norm), limit / norm) * (norm / norm))
)
