"""Mistakes with scalings of rotary frequencies."""

import math
from collections.abc import Callable
from typing import Any

import torch

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.linear_scaling")
slip("multiplied", "the frequencies are multiplied by the factor: the pairs rotate faster still")(
    lambda frequencies, factor: frequencies * factor
)
slip("applied twice", "the factor is applied twice, to the frequencies and to the positions")(
    lambda frequencies, factor: frequencies / factor**2
)
slip("not applied", "the factor is read and not used")(lambda frequencies, factor: frequencies * 1.0)


@slip("base raised", "the base is raised instead: the fastest pair stays as it was")
def base_raised(frequencies: Any, factor: float) -> Any:
    pairs = len(frequencies)
    return frequencies * factor ** (-torch.arange(pairs).to(frequencies.dtype) / max(pairs - 1, 1))


slip = SLIPS.of("layers.llama3_scaling")


def _rotations(frequencies: Any, context: float) -> Any:
    return context * frequencies / (2 * math.pi)


def _even(rotations: Any, low: float, high: float) -> Any:
    return ((rotations - low) / (high - low)).clamp(0, 1)


def _llama3(
    *, rotations: Callable[[Any, float, float], Any] = lambda wanted, context, factor: _rotations(wanted, context),
    kept: Callable[[Any, float, float], Any] = _even,
) -> Callable[..., Any]:  # fmt: skip
    """Return the scaling of which one step is replaced: the rotations or the fraction kept."""

    def scaling(frequencies: Any, factor: float, low: float, high: float, context: float) -> Any:
        fraction = kept(rotations(frequencies, context, factor), low, high)
        return (1 - fraction) * frequencies / factor + fraction * frequencies

    return scaling


slip("everything slowed", "every frequency is divided by the factor: that is linear scaling")(
    lambda frequencies, factor, low, high, context: frequencies / factor
)
slip("fast for slow", "the fast pairs are slowed and the slow ones left alone")(
    _llama3(kept=lambda rotations, low, high: 1 - _even(rotations, low, high))
)
slip("2π forgotten", "radians are counted where rotations are meant")(
    _llama3(rotations=lambda frequencies, context, factor: context * frequencies)
)
slip("no passage", "the frequency jumps at low_frequency_factor instead of passing over evenly")(
    _llama3(kept=lambda rotations, low, high: (rotations > low).to(rotations.dtype))
)
slip("even in the wavelength", "the fraction falls evenly with the wavelength, not the rotations")(
    _llama3(kept=lambda rotations, low, high: _even(1 / rotations, 1 / low, 1 / high))
)
slip("the new length", "rotations are counted in the stretched text, not in the training's")(
    _llama3(rotations=lambda frequencies, context, factor: _rotations(frequencies, context * factor))
)
slip("fraction unclamped", "the fraction is used outside 0 to 1 too")(
    _llama3(kept=lambda rotations, low, high: (rotations - low) / (high - low))
)
slip("factors fixed", "the low and high factors are 1 and 4 whatever was given")(
    _llama3(kept=lambda rotations, low, high: _even(rotations, 1.0, 4.0))
)


slip = SLIPS.of("layers.yarn_scaling")


def _end(frequencies: Any, base: float, context: float, rotations: float) -> float:
    return len(frequencies) * math.log(context / (rotations * 2 * math.pi)) / math.log(base)


def _limited(low: float, high: float, pairs: int) -> tuple[float, float]:
    return max(low, 0), min(high, 2 * pairs - 1)


def _slowed(pairs: Any, low: float, high: float) -> Any:
    return ((pairs - low) / (high - low or 0.001)).clamp(0, 1)


def _blended(frequencies: Any, factor: float, slowed: Any) -> Any:
    return frequencies / factor * slowed + frequencies * (1 - slowed)


def _yarn(
    *, given: Callable[..., Any] = lambda base, factor, context, fast, slow: (base, context, fast, slow),
    ends: Callable[..., tuple[float, float]] = lambda low, high, pairs: _limited(
        math.floor(low), math.ceil(high), pairs
    ),
    blend: Callable[..., Any] = _blended,
) -> Callable[..., Any]:  # fmt: skip
    """Return the scaling of which one step is replaced: what is given, the ends of the passage, the mixture."""

    def scaling(frequencies: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
        base, context, fast, slow = given(base, factor, context, fast, slow)
        found = (_end(frequencies, base, context, rotations) for rotations in (fast, slow))
        slowed = _slowed(torch.arange(len(frequencies)).to(frequencies.dtype), *ends(*found, len(frequencies)))
        return blend(frequencies, factor, slowed)

    return scaling


slip("everything slowed", "every frequency is divided by the factor: that is linear scaling")(
    lambda frequencies, base, factor, context, fast, slow: frequencies / factor
)
slip("fast for slow", "the ramp is upside down: the fast pairs are slowed")(
    _yarn(blend=lambda frequencies, factor, slowed: _blended(frequencies, factor, 1 - slowed))
)
slip("ends not rounded", "the ends of the passage are used as they come, not rounded outwards")(_yarn(ends=_limited))
slip("numbers for pairs", "the ends are counted in values of the head, twice the pairs")(
    _yarn(ends=lambda low, high, pairs: _limited(math.floor(2 * low), math.ceil(2 * high), pairs))
)
slip("2π forgotten", "the ends are the pairs with so many radians, not so many rotations")(
    _yarn(given=lambda base, factor, context, fast, slow: (base, context * 2 * math.pi, fast, slow))
)
slip("the new length", "rotations are counted in the stretched text, not in the training's")(
    _yarn(given=lambda base, factor, context, fast, slow: (base, context * factor, fast, slow))
)
slip("betas fixed", "beta_fast and beta_slow are 32 and 1 whatever was given")(
    _yarn(given=lambda base, factor, context, fast, slow: (base, context, 32.0, 1.0))
)
slip("base fixed", "the ends are computed with base 10000 whatever was given")(
    _yarn(given=lambda base, factor, context, fast, slow: (10000.0, context, fast, slow))
)
slip("slow end at the last pair", "the slow end is cut off at the last pair, not at d - 1")(
    _yarn(ends=lambda low, high, pairs: (max(math.floor(low), 0), min(math.ceil(high), pairs - 1)))
)
slip("ends not limited", "the fast end may lie below pair 0, the slow one far above the last")(
    _yarn(ends=lambda low, high, pairs: (math.floor(low), math.ceil(high)))
)
slip("even in the rotations", "the passage is even in the rotations, as in Llama 3, not in the pairs")(
    lambda frequencies, base, factor, context, fast, slow: _llama3()(frequencies, factor, slow, fast, context)
)
slip("attention factor on the frequencies", "the factor for cosine and sine is put on the frequencies")(
    _yarn(blend=lambda wanted, factor, slowed: _blended(wanted, factor, slowed) * (0.1 * math.log(factor) + 1))
)


slip = SLIPS.of("layers.yarn_attention_factor")
slip("logarithm to the base 10", "log10 is taken, not the natural logarithm")(
    lambda factor: 0.1 * math.log10(factor) + 1 if factor > 1 else 1.0
)
slip("no + 1", "the 1 is not added")(lambda factor: 0.1 * math.log(factor) if factor > 1 else 1.0)
slip("squared", "the factor on the scores is given, the square of that on cosine and sine")(
    lambda factor: (0.1 * math.log(factor) + 1) ** 2 if factor > 1 else 1.0
)
slip("below 1 too", "a factor below 1 shrinks cosine and sine")(lambda factor: 0.1 * math.log(factor) + 1)
slip("the factor itself", "the logarithm is not taken")(lambda factor: 0.1 * factor + 1 if factor > 1 else 1.0)
