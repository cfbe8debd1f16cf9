"""Scalings of rotary speeds: correct implementations written otherwise."""

import math
from typing import Any

import numpy as np
import torch

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.linear_scaling")
variant("product with the inverse")(lambda speeds, factor: speeds * (1 / factor))
variant("wavelengths stretched", arrays="numpy")(lambda speeds, factor: 1 / (factor * (1 / speeds)))


variant = VARIANTS.of("layers.llama3_scaling")


@variant("one share for all")
def one_share(speeds: Any, factor: float, low: float, high: float, context: float) -> Any:
    slowed = ((high - context * speeds / (2 * math.pi)) / (high - low)).clamp(0, 1)
    return speeds * (1 - slowed * (1 - 1 / factor))


@variant("by wavelength", arrays="numpy")
def by_wavelength(speeds: Any, factor: float, low: float, high: float, context: float) -> Any:
    wavelength = 2 * np.pi / speeds
    smooth = (context / wavelength - low) / (high - low)
    middle = (1 - smooth) * speeds / factor + smooth * speeds
    return np.select([wavelength < context / high, wavelength > context / low], [speeds, speeds / factor], middle)


variant = VARIANTS.of("layers.yarn_scaling")


@variant("speeds from the base")
def from_the_base(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    width = 2 * len(speeds)
    wide = torch.promote_types(speeds.dtype, torch.float32)
    wavelength = base ** (torch.arange(0, width, 2).to(wide) / width)
    low = max(math.floor(width * math.log(context / (fast * 2 * math.pi)) / (2 * math.log(base))), 0)
    high = min(math.ceil(width * math.log(context / (slow * 2 * math.pi)) / (2 * math.log(base))), width - 1)
    ramp = ((torch.arange(len(speeds)).to(wide) - low) / (high - low or 0.001)).clamp(0, 1)
    return (1 / (factor * wavelength) * ramp + 1 / wavelength * (1 - ramp)).to(speeds.dtype)


@variant("one factor per pair", arrays="numpy")
def one_factor(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    # The pair of frequency 2πn/L makes n turns: its index is the logarithm of that, to the base of one step.
    step = math.log(base) / len(speeds)
    low = max(math.floor(-math.log(2 * math.pi * fast / context) / step), 0)
    high = min(math.ceil(-math.log(2 * math.pi * slow / context) / step), 2 * len(speeds) - 1)
    ramp = np.clip((np.arange(len(speeds)) - low) / max(high - low, 1e-6), 0, 1)
    return speeds * (1 + ramp * (1 / factor - 1))


variant = VARIANTS.of("layers.yarn_attention_factor")
variant("logarithm to the base 10", arrays="numpy")(
    lambda factor: 1 + max(0.0, math.log10(factor)) * 0.1 * math.log(10)
)
variant("a float32 number")(lambda factor: torch.log(torch.tensor(factor).clamp(min=1)) * 0.1 + 1)
variant("NumPy's float32", arrays="numpy")(lambda factor: np.float32(0.1 * np.log(np.float32(max(factor, 1.0))) + 1))
