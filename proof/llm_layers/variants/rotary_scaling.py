"""Scalings of rotary frequencies: correct implementations written otherwise."""

import math
from typing import Any

import numpy as np
import torch

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.linear_scaling")
variant("product with the inverse")(lambda frequencies, factor: frequencies * (1 / factor))
variant("wavelengths stretched", arrays="numpy")(lambda frequencies, factor: 1 / (factor * (1 / frequencies)))


variant = VARIANTS.of("layers.llama3_scaling")


@variant("one fraction for all")
def one_fraction(frequencies: Any, factor: float, low: float, high: float, context: float) -> Any:
    slowed = ((high - context * frequencies / (2 * math.pi)) / (high - low)).clamp(0, 1)
    return frequencies * (1 - slowed * (1 - 1 / factor))


@variant("by wavelength", arrays="numpy")
def by_wavelength(frequencies: Any, factor: float, low: float, high: float, context: float) -> Any:
    wavelength = 2 * np.pi / frequencies
    smooth = (context / wavelength - low) / (high - low)
    middle = (1 - smooth) * frequencies / factor + smooth * frequencies
    return np.select(
        [wavelength < context / high, wavelength > context / low], [frequencies, frequencies / factor], middle
    )


variant = VARIANTS.of("layers.yarn_scaling")


@variant("frequencies from the base")
def from_the_base(frequencies: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    width = 2 * len(frequencies)
    wide = torch.promote_types(frequencies.dtype, torch.float32)
    wavelength = base ** (torch.arange(0, width, 2).to(wide) / width)
    low = max(math.floor(width * math.log(context / (fast * 2 * math.pi)) / (2 * math.log(base))), 0)
    high = min(math.ceil(width * math.log(context / (slow * 2 * math.pi)) / (2 * math.log(base))), width - 1)
    ramp = ((torch.arange(len(frequencies)).to(wide) - low) / (high - low or 0.001)).clamp(0, 1)
    return (1 / (factor * wavelength) * ramp + 1 / wavelength * (1 - ramp)).to(frequencies.dtype)


@variant("one factor per pair", arrays="numpy")
def one_factor(frequencies: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    # The pair of frequency 2πn/L makes n rotations: its index is the logarithm of that, to the base of one step.
    step = math.log(base) / len(frequencies)
    low = max(math.floor(-math.log(2 * math.pi * fast / context) / step), 0)
    high = min(math.ceil(-math.log(2 * math.pi * slow / context) / step), 2 * len(frequencies) - 1)
    ramp = np.clip((np.arange(len(frequencies)) - low) / max(high - low, 1e-6), 0, 1)
    return frequencies * (1 + ramp * (1 / factor - 1))


variant = VARIANTS.of("layers.yarn_attention_factor")
variant("logarithm to the base 10", arrays="numpy")(
    lambda factor: 1 + max(0.0, math.log10(factor)) * 0.1 * math.log(10)
)
variant("a float32 number")(lambda factor: torch.log(torch.tensor(factor).clamp(min=1)) * 0.1 + 1)
variant("NumPy's float32", arrays="numpy")(lambda factor: np.float32(0.1 * np.log(np.float32(max(factor, 1.0))) + 1))


@VARIANTS.of("layers.linear_scaling")("float32 inside, as most models hold their frequencies")
def linear_in_float32(frequencies: Any, factor: float) -> Any:
    return (frequencies.float() / factor).to(frequencies.dtype)


@VARIANTS.of("layers.linear_scaling")("pair after pair")
def linear_by_pairs(frequencies: Any, factor: float) -> Any:
    return torch.tensor([frequency / factor for frequency in frequencies.tolist()], dtype=frequencies.dtype)


@VARIANTS.of("layers.llama3_scaling")("float32 inside, the passage put between the two others last")
def passage_last(frequencies: Any, factor: float, low: float, high: float, context: float) -> Any:
    fast = frequencies.float()
    wavelength = 2 * math.pi / fast
    scaled = torch.where(wavelength > context / low, fast / factor, fast)
    smooth = (context / wavelength - low) / (high - low)
    between = ~(wavelength < context / high) & ~(wavelength > context / low)
    return torch.where(between, (1 - smooth) * fast / factor + smooth * fast, scaled).to(frequencies.dtype)


@VARIANTS.of("layers.llama3_scaling")("a divisor for each pair")
def divisors(frequencies: Any, factor: float, low: float, high: float, context: float) -> Any:
    def divisor(frequency: float) -> float:
        stays = min(max((frequency * context / math.tau - low) / (high - low), 0.0), 1.0)
        return factor / (1 + stays * (factor - 1))

    return torch.tensor([frequency / divisor(frequency) for frequency in frequencies.tolist()], dtype=frequencies.dtype)


def _end(rotations: float, base: float, context: float, pairs: int) -> float:
    return pairs * math.log(context / (math.tau * rotations), base)


@VARIANTS.of("layers.yarn_scaling")("pair after pair")
def yarn_by_pairs(frequencies: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    pairs = len(frequencies)
    low = max(math.floor(_end(fast, base, context, pairs)), 0)
    high = min(math.ceil(_end(slow, base, context, pairs)), 2 * pairs - 1)

    def slowed(pair: int) -> float:
        return float(pair > low) if high <= low else min(max((pair - low) / (high - low), 0.0), 1.0)

    scaled = [
        frequency - frequency * slowed(pair) * (1 - 1 / factor) for pair, frequency in enumerate(frequencies.tolist())
    ]
    return torch.tensor(scaled, dtype=frequencies.dtype)


@VARIANTS.of("layers.yarn_scaling")("the ramp joined of three pieces, in the precision of the frequencies")
def three_pieces(frequencies: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    pairs = len(frequencies)
    low = max(math.floor(_end(fast, base, context, pairs)), 0)
    high = min(math.ceil(_end(slow, base, context, pairs)), 2 * pairs - 1)
    rising = torch.linspace(0, 1, max(high - low, 0) + 1, dtype=frequencies.dtype)
    ramp = torch.cat([rising.new_zeros(low), rising, rising.new_ones(pairs)])[:pairs]
    return frequencies.addcmul(frequencies, ramp, value=1 / factor - 1)
