"""The average of the weights, written otherwise."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("train.ema")

Array = np.ndarray[Any, Any]


@variant("both shares, with the sum of a geometric row", arrays="numpy")
def both_shares(average: Array, parameter: Array, step: int, decay: float) -> Array:
    total = float(np.sum(decay ** np.arange(step)))
    return ((1 - 1 / total) * average + parameter / total).astype(average.dtype)


@variant("Adam's way: a mean from zero, corrected")
def from_zero(average: Tensor, parameter: Tensor, step: int, decay: float) -> Tensor:
    mean = average * (1 - decay ** (step - 1))
    return (mean * decay + parameter * (1 - decay)) / (1 - decay**step)


@variant("float32 inside")
def in_float32(average: Tensor, parameter: Tensor, step: int, decay: float) -> Tensor:
    return torch.lerp(average.float(), parameter.float(), (1 - decay) / (1 - decay**step)).to(average.dtype)
