"""The accumulation rule, written otherwise."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("train.combine")

Array = np.ndarray[Any, Any]
Answer = tuple[float, Any, float]


@variant("added up in the other order, times the inverse")
def other_order(sums: Sequence[float], counts: Sequence[float], gradients: Sequence[Tensor]) -> Answer:
    count = sum(reversed(counts))
    inverse = 1 / count if count else 0.0
    return sum(reversed(sums)) * inverse, functools.reduce(torch.add, reversed(gradients)) * inverse, float(count)


@variant("a running mean, part by part", arrays="numpy")
def running_mean(sums: Sequence[float], counts: Sequence[float], gradients: Sequence[Array]) -> Answer:
    loss, gradient, count = 0.0, np.zeros_like(gradients[0]), 0.0
    for part_sum, part_count, part in zip(sums, counts, gradients, strict=True):
        if part_count:
            kept = count / (count + part_count)
            count += part_count
            loss, gradient = loss * kept + part_sum / count, gradient * kept + part / count
    return loss, gradient.astype(gradients[0].dtype), count
