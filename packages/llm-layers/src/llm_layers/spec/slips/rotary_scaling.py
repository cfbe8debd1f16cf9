"""Mistakes with scalings of rotary frequencies."""

import math
from typing import Any

import torch

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.linear_scaling")
slip("multiplied", "the frequencies are multiplied by the factor: longer texts turn faster still")(
    lambda speeds, factor: speeds * factor
)
slip("applied twice", "the factor is applied twice, to the frequencies and to the positions")(
    lambda speeds, factor: speeds / factor**2
)
slip("not applied", "the factor is read and not used")(lambda speeds, factor: speeds * 1.0)


@slip("base raised", "the base is raised instead: the fastest pair stays as it was")
def base_raised(speeds: Any, factor: float) -> Any:
    pairs = len(speeds)
    return speeds * factor ** (-torch.arange(pairs).to(speeds.dtype) / max(pairs - 1, 1))


slip("root of the factor", "divided by the root of the factor, as if both sides shared it")(
    lambda speeds, factor: speeds / factor**0.5
)
slip("fastest pair left out", "the fastest pair is left as it was")(
    lambda speeds, factor: torch.cat([speeds[:1], speeds[1:] / factor])
)


def _llama3(speeds: Any, factor: float, low: float, high: float, turns: Any) -> Any:
    share = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - share) * speeds / factor + share * speeds


def _turns(speeds: Any, context: float) -> Any:
    return context * speeds / (2 * math.pi)


slip = SLIPS.of("layers.llama3_scaling")
slip("everything slowed", "every frequency is divided by the factor: that is linear scaling")(
    lambda speeds, factor, low, high, context: speeds / factor
)


@slip("fast for slow", "the fast pairs are slowed and the slow ones left alone")
def fast_for_slow(speeds: Any, factor: float, low: float, high: float, context: float) -> Any:
    share = ((_turns(speeds, context) - low) / (high - low)).clamp(0, 1)
    return share * speeds / factor + (1 - share) * speeds


slip("2π forgotten", "radians are counted where turns are meant")(
    lambda speeds, factor, low, high, context: _llama3(speeds, factor, low, high, context * speeds)
)
slip("no passage", "the frequency jumps at low_frequency_factor instead of passing over evenly")(
    lambda speeds, factor, low, high, context: torch.where(_turns(speeds, context) <= low, speeds / factor, speeds)
)
slip("all below the high end", "everything with fewer than high turns is slowed wholly")(
    lambda speeds, factor, low, high, context: torch.where(_turns(speeds, context) < high, speeds / factor, speeds)
)


@slip("even in the wavelength", "the fraction falls evenly with the wavelength, not the turns")
def by_wavelength(speeds: Any, factor: float, low: float, high: float, context: float) -> Any:
    share = ((1 / low - 1 / _turns(speeds, context)) / (1 / low - 1 / high)).clamp(0, 1)
    return (1 - share) * speeds / factor + share * speeds


slip("the new length", "turns are counted in the stretched text, not in the training's")(
    lambda speeds, factor, low, high, context: _llama3(speeds, factor, low, high, _turns(speeds, context * factor))
)


@slip("share unclamped", "the fraction is used outside 0 to 1 too")
def unclamped(speeds: Any, factor: float, low: float, high: float, context: float) -> Any:
    share = (_turns(speeds, context) - low) / (high - low)
    return (1 - share) * speeds / factor + share * speeds


slip("slowed twice", "the slow pairs are divided by the factor twice")(
    lambda speeds, factor, low, high, context: _llama3(speeds, factor**2, low, high, _turns(speeds, context))
)
slip("factors fixed", "the low and high factors are 1 and 4 whatever was given")(
    lambda speeds, factor, low, high, context: _llama3(speeds, factor, 1.0, 4.0, _turns(speeds, context))
)


def _end(speeds: Any, base: float, context: float, turns: float) -> float:
    return len(speeds) * math.log(context / (turns * 2 * math.pi)) / math.log(base)


def _blend(speeds: Any, factor: float, low: float, high: float) -> Any:
    pair = torch.arange(len(speeds)).to(speeds.dtype)
    slowed = ((pair - low) / (high - low or 0.001)).clamp(0, 1)
    return speeds / factor * slowed + speeds * (1 - slowed)


def _ends(speeds: Any, base: float, context: float, fast: float, slow: float) -> tuple[int, int]:
    low, high = math.floor(_end(speeds, base, context, fast)), math.ceil(_end(speeds, base, context, slow))
    return max(low, 0), min(high, 2 * len(speeds) - 1)


slip = SLIPS.of("layers.yarn_scaling")
slip("everything slowed", "every frequency is divided by the factor: that is linear scaling")(
    lambda speeds, base, factor, context, fast, slow: speeds / factor
)


@slip("fast for slow", "the ramp is upside down: the fast pairs are slowed")
def upside_down(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    low, high = _ends(speeds, base, context, fast, slow)
    return speeds + speeds / factor - _blend(speeds, factor, low, high)


@slip("ends not rounded", "the ends of the passage are used as they come, not rounded outwards")
def unrounded(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    low, high = _end(speeds, base, context, fast), _end(speeds, base, context, slow)
    return _blend(speeds, factor, max(low, 0), min(high, 2 * len(speeds) - 1))


@slip("ends rounded inwards", "the fast end is rounded up and the slow end down")
def inwards(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    low, high = math.ceil(_end(speeds, base, context, fast)), math.floor(_end(speeds, base, context, slow))
    return _blend(speeds, factor, max(low, 0), min(high, 2 * len(speeds) - 1))


@slip("numbers for pairs", "the ends are counted in numbers of the head, twice the pairs")
def numbers_for_pairs(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    low, high = (2 * _end(speeds, base, context, turns) for turns in (fast, slow))
    return _blend(speeds, factor, max(math.floor(low), 0), min(math.ceil(high), 2 * len(speeds) - 1))


slip("2π forgotten", "the ends are the pairs with so many radians, not so many turns")(
    lambda speeds, base, factor, context, fast, slow: _blend(
        speeds, factor, *_ends(speeds, base, context * 2 * math.pi, fast, slow)
    )
)
slip("the new length", "turns are counted in the stretched text, not in the training's")(
    lambda speeds, base, factor, context, fast, slow: _blend(
        speeds, factor, *_ends(speeds, base, context * factor, fast, slow)
    )
)
slip("betas fixed", "beta_fast and beta_slow are 32 and 1 whatever was given")(
    lambda speeds, base, factor, context, fast, slow: _blend(speeds, factor, *_ends(speeds, base, context, 32.0, 1.0))
)
slip("base fixed", "the ends are worked out with base 10000 whatever was given")(
    lambda speeds, base, factor, context, fast, slow: _blend(
        speeds, factor, *_ends(speeds, 10000.0, context, fast, slow)
    )
)


@slip("slow end at the last pair", "the slow end is cut off at the last pair, not at d - 1")
def cut_at_last_pair(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    low, high = _ends(speeds, base, context, fast, slow)
    return _blend(speeds, factor, low, min(high, len(speeds) - 1))


@slip("ends not limited", "the fast end may lie below pair 0, the slow one far above the last")
def unlimited(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    low, high = math.floor(_end(speeds, base, context, fast)), math.ceil(_end(speeds, base, context, slow))
    return _blend(speeds, factor, low, high)


@slip("wavelengths blended", "the wavelengths are mixed along the passage instead of the frequencies")
def wavelengths(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    stretched = _blend(1 / speeds, 1 / factor, *_ends(speeds, base, context, fast, slow))
    return 1 / stretched


slip("even in the turns", "the passage is even in the turns, as in Llama 3, not in the pairs")(
    lambda speeds, base, factor, context, fast, slow: _llama3(speeds, factor, slow, fast, _turns(speeds, context))
)


@slip("temperature on the speeds", "the factor for cosine and sine is put on the frequencies")
def temperature_on_speeds(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    blended = _blend(speeds, factor, *_ends(speeds, base, context, fast, slow))
    return blended * (0.1 * math.log(factor) + 1)


@slip("one pair has no passage", "both ends on one pair: divided by zero, or by a pair too much")
def widened(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
    low, high = _ends(speeds, base, context, fast, slow)
    return _blend(speeds, factor, low, max(high, low + 2))


slip = SLIPS.of("layers.yarn_attention_factor")
slip("logarithm to the base 10", "log10 is taken, not the natural logarithm")(
    lambda factor: 0.1 * math.log10(factor) + 1 if factor > 1 else 1.0
)
slip("no + 1", "the 1 is not added")(lambda factor: 0.1 * math.log(factor) if factor > 1 else 1.0)
slip("squared", "the factor on the scores is given, the square of that on cosine and sine")(
    lambda factor: (0.1 * math.log(factor) + 1) ** 2 if factor > 1 else 1.0
)
slip("inverted", "one over the factor: attention gets flatter still")(
    lambda factor: 1 / (0.1 * math.log(factor) + 1) if factor > 1 else 1.0
)
slip("below 1 too", "a factor below 1 shrinks cosine and sine")(lambda factor: 0.1 * math.log(factor) + 1)
slip("the factor itself", "the logarithm is not taken")(lambda factor: 0.1 * factor + 1 if factor > 1 else 1.0)
