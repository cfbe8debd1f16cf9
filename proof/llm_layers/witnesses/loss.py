"""Loss through torch's own kernels."""

from typing import Any

import torch
from torch.nn import functional as F


def cross_entropy(logits: Any, targets: Any, ignored: int) -> Any:
    loss = F.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=ignored, reduction="none"
    )
    return loss.sum() / max(1, int((targets != ignored).sum()))


def smoothed_cross_entropy(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
    if not (targets != ignored).any():
        return logits.sum() * 0
    rows, flat = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    return F.cross_entropy(rows, flat, ignore_index=ignored, label_smoothing=smoothing)


def z_loss(logits: Any, targets: Any, ignored: int) -> Any:
    rows = logits[targets != ignored]
    return torch.logsumexp(rows, -1).pow(2).mean() if len(rows) else logits.sum() * 0


def linear_cross_entropy(hidden: Any, head: Any, targets: Any, ignored: int) -> Any:
    return cross_entropy(torch.einsum("...d,vd->...v", hidden, head), targets, ignored)


def cross_entropy_sum(logits: Any, targets: Any, weights: Any, ignored: int) -> Any:
    rows, flat = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    weights = torch.ones(flat.shape, dtype=logits.dtype) if weights is None else weights.reshape(-1)
    counted = torch.nonzero(flat != ignored)[:, 0]
    losses = F.nll_loss(F.log_softmax(rows[counted], -1), flat[counted], reduction="none")
    return torch.dot(losses, weights[counted]), weights[counted].sum()


def linear_cross_entropy_sum(hidden: Any, head: Any, targets: Any, weights: Any, ignored: int) -> Any:
    return cross_entropy_sum(torch.einsum("...d,vd->...v", hidden, head), targets, weights, ignored)
