"""Mistakes with cross-entropy."""

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference.attention import softmax
from llm_tokenizer.spec import slip


def _losses(logits: Any, targets: Any, ignored: int) -> tuple[Any, Any]:
    rows, flat = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    return F.cross_entropy(rows, flat, ignore_index=ignored, reduction="none"), flat != ignored


@slip("layers.cross_entropy", "ignored targets in the mean", "the sum is divided by all targets, ignored ones included")
def diluted(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = _losses(logits, targets, ignored)
    return losses.sum() / max(counted.numel(), 1)


@slip("layers.cross_entropy", "sum for mean", "the losses are summed, not averaged")
def summed(logits: Any, targets: Any, ignored: int) -> Any:
    return _losses(logits, targets, ignored)[0].sum()


@slip("layers.cross_entropy", "mean of means", "each row of the batch is averaged first: short rows weigh too much")
def mean_of_means(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = _losses(logits, targets, ignored)
    rows = targets.shape[0] if targets.dim() > 1 else 1
    numbers = counted.reshape(rows, -1).sum(-1).clamp(min=1)
    return (losses.reshape(rows, -1).sum(-1) / numbers).mean()


@slip("layers.cross_entropy", "-100 always", "-100 is ignored whatever was given")
def fixed(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = _losses(logits, targets, -100)
    return losses.sum() / counted.sum().clamp(min=1)


@slip("layers.cross_entropy", "ignored taken for token 0", "an ignored target is trained on as token 0")
def as_zero(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = _losses(logits, targets.where(targets != ignored, 0), -(10**6))
    return losses.sum() / max(counted.numel(), 1)


@slip("layers.cross_entropy", "NaN without targets", "0/0 when no target counts")
def nothing(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = _losses(logits, targets, ignored)
    return losses.sum() / counted.sum()


@slip("layers.cross_entropy", "base 2", "the logarithm of base 2: bits instead of nats")
def bits(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = _losses(logits, targets, ignored)
    return losses.sum() / counted.sum().clamp(min=1) / math.log(2)


@slip("layers.cross_entropy", "softmax twice", "probabilities are handed to a function that takes logits")
def twice(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = _losses(torch.softmax(logits, -1), targets, ignored)
    return losses.sum() / counted.sum().clamp(min=1)


@slip("layers.cross_entropy", "largest logit left in", "exp is taken of the logits as they are: it overflows")
def overflowing(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    chosen = logits.gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    losses = logits.exp().sum(-1).log() - chosen
    return (losses * counted).sum() / counted.sum().clamp(min=1)


@slip("layers.cross_entropy", "guarded logarithm", "log(p + 1e-9): a certain mistake costs too little")
def guarded(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    chosen = torch.softmax(logits, -1).gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    return -((chosen + 1e-9).log() * counted).sum() / counted.sum().clamp(min=1)


@slip("layers.cross_entropy", "one largest for all", "one largest logit for all rows: log 0 in rows far below")
def one_largest(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    shifted = logits - logits.max() if logits.numel() else logits
    chosen = shifted.gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    return ((shifted.exp().sum(-1).log() - chosen) * counted).sum() / counted.sum().clamp(min=1)


@slip("layers.cross_entropy", "targets shifted", "each row is compared with its neighbour's target")
def shifted_targets(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = _losses(logits, targets.roll(1, -1) if targets.dim() else targets, ignored)
    return losses.sum() / counted.sum().clamp(min=1)


@slip("layers.cross_entropy", "gradient not divided", "p - one-hot is not divided by their number", backward=True)
def undivided(dloss: Any, logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    one_hot = np.where(counted, targets, 0)[..., None] == np.arange(logits.shape[-1])
    return dloss * (softmax(logits, -1) - one_hot) * counted[..., None]


@slip("layers.cross_entropy", "ignored rows pushed", "ignored rows still get the gradient p", backward=True)
def pushed(dloss: Any, logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    one_hot = targets[..., None] == np.arange(logits.shape[-1])
    return dloss * (softmax(logits, -1) - one_hot * counted[..., None]) / max(np.sum(counted), 1)
