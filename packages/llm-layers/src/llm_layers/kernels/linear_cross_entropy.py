"""The chunked loss of a head, with chunks measured by the vocabulary and sums made in place."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from llm_layers.kernels.linear import linear
from llm_layers.kernels.product import add_product, apply, product
from llm_layers.layers.linear_cross_entropy import _logit_gradients
from llm_layers.layers.loss import IGNORE_INDEX, cross_entropy

LOGITS = 2**25
"""How many logits are held at a time: 128 MB in float32. With fewer the products become small and slow."""
FEW = 2**18
"""So few logits are simply held: torch's own steps are the fastest then."""


def linear_cross_entropy(
    hidden: Float[Tensor, "*batch d_model"],
    head: Float[Tensor, "vocab d_model"],
    targets: Int[Tensor, "*batch"],
    ignored: int = IGNORE_INDEX,
    rows: int | None = None,
    z_weight: float = 0.0,
) -> Float[Tensor, ""]:
    """Give what `llm_layers.linear_cross_entropy` gives, with less memory and one pass less over the head's gradient.

    Formula: loss = mean over counted i of  log Σ exp(z[i]) - z[i, targets[i]]  with z = hidden headᵀ

    Why it works:
        The gradient of the head is as large as the head. Each part of the rows adds a product to it; a matrix product
        can add to what is there while it runs, so the product needs no array of its own. How many rows make a part
        follows from the vocabulary: a fixed amount of memory, whatever the model.

    Args:
        hidden: the states before the head.
        head: the weight of the head.
        targets: ids of the right tokens, or `ignored`.
        ignored: the target value that does not count.
        rows: how many positions are worked on at a time; None lets `LOGITS` decide.
        z_weight: how much of `z_loss` is added; 0 adds nothing.

    Spec: layers.linear_cross_entropy, layers.cross_entropy
    Source: Wijmans et al. 2024, arXiv:2411.09009.
    """
    flat_hidden, flat_targets = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1).long()
    if rows is None and z_weight == 0.0 and flat_targets.numel() * len(head) <= FEW:
        return cross_entropy(linear(flat_hidden, head), flat_targets, ignored)
    step = max(64, LOGITS // max(1, len(head))) if rows is None else rows
    loss: Tensor = apply(
        _HeadCrossEntropy, flat_hidden, head, flat_targets, ignored, step, z_weight, torch.is_grad_enabled()
    )
    return loss


class _HeadCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        hidden: Tensor,
        head: Tensor,
        targets: Tensor,
        ignored: int,
        rows: int,
        z_weight: float,
        trained: bool,
    ) -> Tensor:
        for_hidden, for_head = (trained and needed for needed in context.needs_input_grad[:2])
        working = torch.promote_types(hidden.dtype, torch.float32)
        counts = targets != ignored
        counted = counts.sum().clamp(min=1)
        share = counts.to(working) / counted
        loss = torch.zeros((), dtype=working, device=hidden.device)
        d_hidden = torch.empty_like(hidden) if for_hidden else None
        d_head = torch.zeros(head.shape, dtype=working, device=head.device) if for_head else None
        for start in range(0, len(targets), rows):
            part = slice(start, start + rows)
            logits = product(hidden[part], head.T)
            losses, d_logits = _logit_gradients(logits, targets[part], share[part], head.dtype, z_weight)
            loss += (losses * counts[part]).sum()
            if d_hidden is not None:
                d_hidden[part] = product(d_logits, head)
            if d_head is not None:
                add_product(d_head, d_logits.T, hidden[part])
            del logits, d_logits
        context.save_for_backward(d_hidden, None if d_head is None else d_head.to(head.dtype))
        return loss / counted

    @staticmethod
    @once_differentiable
    def backward(context: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        gradients: tuple[Tensor | None, ...] = context.saved_tensors
        if d_loss.device.type != "cpu" or d_loss.item() != 1:
            gradients = tuple(None if one is None else one * d_loss.to(one.dtype) for one in gradients)
        return *gradients, None, None, None, None, None
