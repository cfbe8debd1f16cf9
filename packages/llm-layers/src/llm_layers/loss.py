"""Cross-entropy: how surprised the model is by the token that came."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

IGNORED = -100
"""Target value that marks a position whose loss does not count."""


def cross_entropy(
    logits: Float[Tensor, "*batch vocab"], targets: Int[Tensor, "*batch"], ignored: int = IGNORED
) -> Float[Tensor, ""]:
    """Give the mean loss over the targets that count.

    Formula: loss = mean over counted i of  log Σ exp(logits[i]) - logits[i, targets[i]]

    Why it works:
        It is minus the logarithm of the probability that the model gave to what really came: 0 when it was certain and
        right, ln(vocab) when it guessed evenly, without limit when it was certain and wrong. Its gradient is as simple
        as it can be, probabilities minus the one-hot target. Working with log Σ exp as a whole, after taking the
        largest logit out, keeps it finite for logits of any size. The mean runs over the counted targets only: padding
        must not make a batch look easier. With no counted target the loss is 0, not 0/0.

    Args:
        logits: one row of scores per target; low precision is raised to float32.
        targets: ids of the right tokens, or `ignored`.
        ignored: the target value that does not count.

    Spec: layers.cross_entropy
    Source: Shannon 1948, "A Mathematical Theory of Communication".
    """
    working = logits.to(torch.promote_types(logits.dtype, torch.float32)).reshape(-1, logits.shape[-1])
    flat = targets.reshape(-1).long()
    total = F.cross_entropy(working, flat, ignore_index=ignored, reduction="sum")
    return total / (flat != ignored).sum().clamp(min=1)


def head_cross_entropy(
    hidden: Float[Tensor, "*batch d_model"],
    head: Float[Tensor, "vocab d_model"],
    targets: Int[Tensor, "*batch"],
    ignored: int = IGNORED,
    rows: int = 1024,
) -> Float[Tensor, ""]:
    """Give `cross_entropy(hidden @ head.T, targets, ignored)` without ever holding all logits.

    Why it works:
        The logits are the largest array of a small model: vocab numbers per position. Their gradient needs nothing
        but themselves, so it can be made right away, some rows at a time, and only the gradients of `hidden` and of
        `head`, which are small, are kept for the backward pass.

    Args:
        hidden: the states before the head, `Decoder.hidden(tokens)`.
        head: the weight of the head, `Decoder.head_weight`.
        targets: ids of the right tokens, or `ignored`.
        ignored: the target value that does not count.
        rows: how many positions are worked on at a time.

    Spec: layers.cross_entropy
    Source: Wijmans et al. 2024, "Cut Your Losses in Large-Vocabulary Language Models", arXiv:2411.09009.
    """
    flat_hidden, flat_targets = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1).long()
    loss: Tensor = _HeadCrossEntropy.apply(flat_hidden, head, flat_targets, ignored, rows)  # type: ignore[no-untyped-call]
    return loss


class _HeadCrossEntropy(torch.autograd.Function):
    """Loss and both gradients in one pass over the rows."""

    @staticmethod
    def forward(ctx: FunctionCtx, hidden: Tensor, head: Tensor, targets: Tensor, ignored: int, rows: int) -> Tensor:
        working = torch.promote_types(hidden.dtype, torch.float32)
        counted = (targets != ignored).sum().clamp(min=1)
        loss = torch.zeros((), dtype=working, device=hidden.device)
        d_hidden, d_head = torch.empty_like(hidden), torch.zeros_like(head, dtype=working)
        for part in range(0, len(targets), rows):
            h, target = hidden[part : part + rows], targets[part : part + rows]
            counts = target != ignored
            log_probabilities = F.log_softmax((h @ head.T).to(working), dim=-1)
            chosen = target.where(counts, 0)[:, None]
            loss -= (log_probabilities.gather(1, chosen)[:, 0] * counts).sum()
            # d loss / d logits = (probabilities - one-hot) / counted
            d_logits = log_probabilities.exp_()
            d_logits.scatter_add_(1, chosen, torch.full_like(d_logits[:, :1], -1))
            d_logits = d_logits.mul_((counts.to(working) / counted)[:, None]).to(head.dtype)
            d_hidden[part : part + rows] = d_logits @ head
            d_head += d_logits.T @ h
        ctx.save_for_backward(d_hidden, d_head.to(head.dtype))
        return loss / counted

    @staticmethod
    def backward(ctx: FunctionCtx, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_head = ctx.saved_tensors  # type: ignore[attr-defined]
        return d_hidden * d_loss.to(d_hidden.dtype), d_head * d_loss.to(d_head.dtype), None, None, None
