"""Loss: correct implementations written otherwise."""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers import linear_cross_entropy, linear_cross_entropy_sum
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
    if 0 < len(rows) < logits.shape[-1]:
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


@variant("logsumexp less the target's logit, and a constant zero")
def difference_of_two(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    if not counted.any():
        return torch.tensor(0.0)
    chosen = logits.gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    return (torch.logsumexp(logits, -1) - chosen)[counted].mean()


@variant("one-hot product with log-softmax")
def one_hot_product(logits: Any, targets: Any, ignored: int) -> Any:
    counted = (targets != ignored).to(logits.dtype)
    one_hot = F.one_hot(targets.where(targets != ignored, 0), logits.shape[-1]) * counted[..., None]
    return -(one_hot * F.log_softmax(logits, -1)).sum() / counted.sum().clamp(min=1)


def _numpy_losses(logits: Any, targets: Any, ignored: int) -> Any:
    """Return the counted rows, less their largest, with the logarithms of their sums, their largest and targets."""
    rows, flat = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    rows, flat = rows[flat != ignored], flat[flat != ignored]
    largest = rows.max(axis=-1, keepdims=True)
    return rows - largest, np.log(np.exp(rows - largest).sum(axis=-1)), largest[:, 0], flat


@variant("NumPy", arrays="numpy")
def in_numpy(logits: Any, targets: Any, ignored: int) -> Any:
    rows, sums, _, flat = _numpy_losses(logits, targets, ignored)
    return (sums - rows[np.arange(len(flat)), flat]).sum() / logits.dtype.type(max(len(flat), 1))


variant = VARIANTS.of("layers.smoothed_cross_entropy")


@variant("NumPy", arrays="numpy")
def smoothed_in_numpy(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
    rows, sums, _, flat = _numpy_losses(logits, targets, ignored)
    chosen = rows[np.arange(len(flat)), flat]
    return (sums - (1 - smoothing) * chosen - smoothing * rows.mean(axis=-1)).sum() / logits.dtype.type(len(flat) or 1)


@variant("torch's own")
def torch_smoothed(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
    rows, flat = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    if not (flat != ignored).any():
        return torch.tensor(0.0)
    return F.cross_entropy(rows, flat, ignore_index=ignored, label_smoothing=smoothing)


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


@variant("NumPy", arrays="numpy")
def z_in_numpy(logits: Any, targets: Any, ignored: int) -> Any:
    _, sums, largest, flat = _numpy_losses(logits, targets, ignored)
    return np.square(sums + largest).sum() / logits.dtype.type(max(len(flat), 1))


@variant("the mean of the counted rows, and a constant zero")
def z_of_counted(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    return logits[counted].logsumexp(-1).square().mean() if counted.any() else torch.tensor(0.0)


@variant("the largest logit and what is above it")
def z_by_largest(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    largest = logits.amax(-1, keepdim=True)
    z = (logits - largest).exp().sum(-1).log() + largest[..., 0]
    return (z**2).where(counted, 0).sum() / counted.sum().clamp(min=1)


variant = VARIANTS.of("layers.linear_cross_entropy")
variant("all logits at once")(
    lambda hidden, head, targets, ignored: by_logsumexp(F.linear(hidden, head), targets, ignored)
)
variant("ours, two rows at a time")(partial(linear_cross_entropy, rows=2))


@variant("only the counted rows")
def counted_rows(hidden: Any, head: Any, targets: Any, ignored: int) -> Any:
    rows, flat = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    places = torch.where(flat != ignored)[0]
    if not len(places):
        return (hidden.sum() + head.sum()) * 0
    log_p = torch.log_softmax(rows[places] @ head.T, -1)
    return -log_p[torch.arange(len(places)), flat[places]].mean()


@variant("NumPy", arrays="numpy")
def linear_in_numpy(hidden: Any, head: Any, targets: Any, ignored: int) -> Any:
    return in_numpy(np.inner(hidden, head), targets, ignored)


variant("torch's own mean")(lambda hidden, head, targets, ignored: torch_mean(hidden @ head.T, targets, ignored))


variant = VARIANTS.of("layers.cross_entropy_sum")


@variant("logsumexp")
def sum_by_logsumexp(logits: Any, targets: Any, weights: Any, ignored: int) -> Any:
    counted = targets != ignored
    weights = (torch.ones(targets.shape, dtype=logits.dtype) if weights is None else weights) * counted
    chosen = logits.gather(-1, targets.where(counted, 0)[..., None])
    return ((logits - chosen).logsumexp(-1) * weights).sum(), weights.sum()


@variant("our chunked head, which is the identity")
def sum_by_chunks(logits: Any, targets: Any, weights: Any, ignored: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    flat = targets.reshape(-1), None if weights is None else weights.reshape(-1)
    if 0 < len(rows) < logits.shape[-1]:
        return linear_cross_entropy_sum(torch.eye(len(rows), dtype=logits.dtype), rows.T, *flat, ignored, rows=2)
    return linear_cross_entropy_sum(rows, torch.eye(logits.shape[-1], dtype=logits.dtype), *flat, ignored, rows=2)


@variant("row after row, and plain zeros where nothing counts")
def row_after_row(logits: Any, targets: Any, weights: Any, ignored: int) -> Any:
    counted = torch.nonzero(targets.reshape(-1) != ignored)[:, 0]
    if len(counted) == 0:
        return torch.tensor(0.0), torch.tensor(0.0)
    losses = F.cross_entropy(
        logits.reshape(-1, logits.shape[-1])[counted], targets.reshape(-1)[counted], reduction="none"
    )
    weights = torch.ones_like(losses) if weights is None else weights.reshape(-1)[counted].to(losses.dtype)
    return losses @ weights, weights.sum()


@variant("NumPy", arrays="numpy")
def sum_in_numpy(logits: Any, targets: Any, weights: Any, ignored: int) -> Any:
    rows, sums, _, flat = _numpy_losses(logits, targets, ignored)
    w = np.ones_like(sums) if weights is None else weights.reshape(-1)[targets.reshape(-1) != ignored]
    return np.dot(sums - rows[np.arange(len(flat)), flat], w), w.sum()


variant = VARIANTS.of("layers.linear_cross_entropy_sum")
variant("all logits at once")(lambda hidden, head, *rest: sum_by_logsumexp(F.linear(hidden, head), *rest))
variant("only the counted rows")(lambda hidden, head, *rest: row_after_row(hidden @ head.T, *rest))
variant("NumPy", arrays="numpy")(lambda hidden, head, *rest: sum_in_numpy(np.inner(hidden, head), *rest))
variant("ours, two rows at a time")(partial(linear_cross_entropy_sum, rows=2))


@variant("the sums of two parts")
def two_parts(hidden: Any, head: Any, targets: Any, weights: Any, ignored: int) -> Any:
    rows, flat = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    weights = torch.ones(flat.shape, dtype=hidden.dtype) if weights is None else weights.reshape(-1)
    middle = len(flat) // 3
    parts = [
        linear_cross_entropy_sum(rows[part], head, flat[part], weights[part], ignored)
        for part in (slice(middle), slice(middle, None))
    ]
    return tuple(map(sum, zip(*parts, strict=True)))
