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


@VARIANTS.of("layers.linear_scaling")("float32 inside, as most models hold their speeds")
def linear_in_float32(speeds: Any, factor: float) -> Any:
    return (speeds.float() / factor).to(speeds.dtype)


@VARIANTS.of("layers.linear_scaling")("pair after pair")
def linear_by_pairs(speeds: Any, factor: float) -> Any:
    return torch.tensor([speed / factor for speed in speeds.tolist()], dtype=speeds.dtype)


@VARIANTS.of("layers.llama3_scaling")("float32 inside, the passage put between the two others last")
def passage_last(speeds: Any, factor: float, low: float, high: float, context: float) -> Any:
    fast = speeds.float()
    wavelength = 2 * math.pi / fast
    scaled = torch.where(wavelength > context / low, fast / factor, fast)
    smooth = (context / wavelength - low) / (high - low)
    between = ~(wavelength < context / high) & ~(wavelength > context / low)
    return torch.where(between, (1 - smooth) * fast / factor + smooth * fast, scaled).to(speeds.dtype)


@VARIANTS.of("layers.llama3_scaling")("a divisor for each pair")
def divisors(speeds: Any, factor: float, low: float, high: float, context: float) -> Any:
    def divisor(speed: float) -> float:
        stays = min(max((speed * context / math.tau - low) / (high - low), 0.0), 1.0)
        return factor / (1 + stays * (factor - 1))

    return torch.tensor([speed / divisor(speed) for speed in speeds.tolist()], dtype=speeds.dtype)


def _end(turns: float, base: float, context: float, pairs: int) -> float:
    return pairs * math.log(context / (math.tau * turns), base)


@VARIANTS.of("layers.yarn_scaling")("pair after pair")
def yarn_by_pairs(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    pairs = len(speeds)
    low = max(math.floor(_end(fast, base, context, pairs)), 0)
    high = min(math.ceil(_end(slow, base, context, pairs)), 2 * pairs - 1)

    def slowed(pair: int) -> float:
        return float(pair > low) if high <= low else min(max((pair - low) / (high - low), 0.0), 1.0)

    scaled = [speed - speed * slowed(pair) * (1 - 1 / factor) for pair, speed in enumerate(speeds.tolist())]
    return torch.tensor(scaled, dtype=speeds.dtype)


@VARIANTS.of("layers.yarn_scaling")("the ramp joined of three pieces, in the precision of the speeds")
def three_pieces(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    pairs = len(speeds)
    low = max(math.floor(_end(fast, base, context, pairs)), 0)
    high = min(math.ceil(_end(slow, base, context, pairs)), 2 * pairs - 1)
    rising = torch.linspace(0, 1, max(high - low, 0) + 1, dtype=speeds.dtype)
    ramp = torch.cat([rising.new_zeros(low), rising, rising.new_ones(pairs)])[:pairs]
    return speeds.addcmul(speeds, ramp, value=1 / factor - 1)
