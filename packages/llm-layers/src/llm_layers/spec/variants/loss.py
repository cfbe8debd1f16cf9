"""Loss: correct implementations written otherwise."""

from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

from llm_layers import linear_cross_entropy
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.cross_entropy")


@variant("logsumexp")
def by_logsumexp(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    chosen = logits.gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    losses = (logits - chosen[..., None]).logsumexp(-1).where(counted, 0)
    return losses.sum() / counted.sum().clamp(min=1)


@variant("our chunked head")
def chunked(logits: Any, targets: Any, ignored: int) -> Any:
    # With the identity as the head, the hidden states are the logits themselves; and the other way round.
    rows = logits.reshape(-1, logits.shape[-1])
    if len(rows) < logits.shape[-1]:
        states = torch.eye(len(rows), dtype=logits.dtype)
        return linear_cross_entropy(states, rows.T, targets.reshape(-1), ignored, rows=2)
    head = torch.eye(logits.shape[-1], dtype=logits.dtype)
    return linear_cross_entropy(logits, head, targets, ignored, rows=2)


@variant("torch's own mean")
def torch_mean(logits: Any, targets: Any, ignored: int) -> Any:
    rows, flat = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    if not (flat != ignored).any():
        return logits.sum() * 0
    return F.cross_entropy(rows, flat, ignore_index=ignored)


variant = VARIANTS.of("layers.smoothed_cross_entropy")


@variant("two losses, mixed")
def two_losses(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
    counted = targets != ignored
    log_p = F.log_softmax(logits, -1)
    right = -log_p.gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    losses = ((1 - smoothing) * right - smoothing * log_p.mean(-1)).where(counted, 0)
    return losses.sum() / counted.sum().clamp(min=1)


@variant("probabilities as targets")
def soft_targets(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
    counted = targets != ignored
    q = torch.full_like(logits, smoothing / logits.shape[-1])
    q = q.scatter_add(-1, targets.where(counted, 0)[..., None], torch.full_like(logits[..., :1], 1 - smoothing))
    rows = (logits.logsumexp(-1) - (q * logits).sum(-1)).where(counted, 0)
    return rows.sum() / counted.sum().clamp(min=1)


variant = VARIANTS.of("layers.z_loss")


@variant("what log-softmax takes away")
def taken_away(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    z = (logits - F.log_softmax(logits, -1))[..., 0]
    return (z * z * counted).sum() / counted.sum().clamp(min=1)


variant = VARIANTS.of("layers.linear_cross_entropy")
variant("all logits at once")(
    lambda hidden, head, targets, ignored: chosen_minus_normaliser(F.linear(hidden, head), targets, ignored)
)


def chosen_minus_normaliser(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    chosen = logits.gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    return (logits.logsumexp(-1) - chosen).where(counted, 0).sum() / counted.sum().clamp(min=1)


variant("ours, two rows at a time")(partial(linear_cross_entropy, rows=2))


@variant("only the counted rows")
def counted_rows(hidden: Any, head: Any, targets: Any, ignored: int) -> Any:
    rows, flat = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    places = torch.where(flat != ignored)[0]
    if not len(places):
        return (hidden.sum() + head.sum()) * 0
    log_p = torch.log_softmax(rows[places] @ head.T, -1)
    return -log_p[torch.arange(len(places)), flat[places]].mean()
