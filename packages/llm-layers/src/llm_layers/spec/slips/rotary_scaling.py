"""Mistakes with scalings of rotary frequencies."""

import math
from collections.abc import Callable
from typing import Any

import torch

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.linear_scaling")
slip("multiplied", "the frequencies are multiplied by the factor: the pairs rotate faster still")(
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


slip = SLIPS.of("layers.llama3_scaling")


def _turns(speeds: Any, context: float) -> Any:
    return context * speeds / (2 * math.pi)


def _even(turns: Any, low: float, high: float) -> Any:
    return ((turns - low) / (high - low)).clamp(0, 1)


def _llama3(
    *, turns: Callable[[Any, float, float], Any] = lambda speeds, context, factor: _turns(speeds, context),
    kept: Callable[[Any, float, float], Any] = _even,
) -> Callable[..., Any]:  # fmt: skip
    """Return the scaling of which one step is replaced: the turns or the fraction kept."""

    def scaling(speeds: Any, factor: float, low: float, high: float, context: float) -> Any:
        fraction = kept(turns(speeds, context, factor), low, high)
        return (1 - fraction) * speeds / factor + fraction * speeds

    return scaling


slip("everything slowed", "every frequency is divided by the factor: that is linear scaling")(
    lambda speeds, factor, low, high, context: speeds / factor
)
slip("fast for slow", "the fast pairs are slowed and the slow ones left alone")(
    _llama3(kept=lambda turns, low, high: 1 - _even(turns, low, high))
)
slip("2π forgotten", "radians are counted where turns are meant")(
    _llama3(turns=lambda speeds, context, factor: context * speeds)
)
slip("no passage", "the frequency jumps at low_frequency_factor instead of passing over evenly")(
    _llama3(kept=lambda turns, low, high: (turns > low).to(turns.dtype))
)
slip("all below the high end", "everything with fewer than high turns is slowed wholly")(
    _llama3(kept=lambda turns, low, high: (turns >= high).to(turns.dtype))
)
slip("even in the wavelength", "the fraction falls evenly with the wavelength, not the turns")(
    _llama3(kept=lambda turns, low, high: _even(1 / turns, 1 / low, 1 / high))
)
slip("the new length", "turns are counted in the stretched text, not in the training's")(
    _llama3(turns=lambda speeds, context, factor: _turns(speeds, context * factor))
)
slip("fraction unclamped", "the fraction is used outside 0 to 1 too")(
    _llama3(kept=lambda turns, low, high: (turns - low) / (high - low))
)
slip("factors fixed", "the low and high factors are 1 and 4 whatever was given")(
    _llama3(kept=lambda turns, low, high: _even(turns, 1.0, 4.0))
)


slip = SLIPS.of("layers.yarn_scaling")


def _end(speeds: Any, base: float, context: float, turns: float) -> float:
    return len(speeds) * math.log(context / (turns * 2 * math.pi)) / math.log(base)


def _limited(low: float, high: float, pairs: int) -> tuple[float, float]:
    return max(low, 0), min(high, 2 * pairs - 1)


def _slowed(pairs: Any, low: float, high: float) -> Any:
    return ((pairs - low) / (high - low or 0.001)).clamp(0, 1)


def _blended(speeds: Any, factor: float, slowed: Any) -> Any:
    return speeds / factor * slowed + speeds * (1 - slowed)


def _yarn(
    *, given: Callable[..., Any] = lambda base, factor, context, fast, slow: (base, context, fast, slow),
    ends: Callable[..., tuple[float, float]] = lambda low, high, pairs: _limited(
        math.floor(low), math.ceil(high), pairs
    ),
    blend: Callable[..., Any] = _blended,
) -> Callable[..., Any]:  # fmt: skip
    """Return the scaling of which one step is replaced: what is given, the ends of the passage, the mixture."""

    def scaling(speeds: Any, base: float, factor: float, context: float, fast: float, slow: float) -> Any:
        base, context, fast, slow = given(base, factor, context, fast, slow)
        found = (_end(speeds, base, context, turns) for turns in (fast, slow))
        slowed = _slowed(torch.arange(len(speeds)).to(speeds.dtype), *ends(*found, len(speeds)))
        return blend(speeds, factor, slowed)

    return scaling


slip("everything slowed", "every frequency is divided by the factor: that is linear scaling")(
    lambda speeds, base, factor, context, fast, slow: speeds / factor
)
slip("fast for slow", "the ramp is upside down: the fast pairs are slowed")(
    _yarn(blend=lambda speeds, factor, slowed: _blended(speeds, factor, 1 - slowed))
)
slip("ends not rounded", "the ends of the passage are used as they come, not rounded outwards")(_yarn(ends=_limited))
slip("numbers for pairs", "the ends are counted in values of the head, twice the pairs")(
    _yarn(ends=lambda low, high, pairs: _limited(math.floor(2 * low), math.ceil(2 * high), pairs))
)
slip("2π forgotten", "the ends are the pairs with so many radians, not so many turns")(
    _yarn(given=lambda base, factor, context, fast, slow: (base, context * 2 * math.pi, fast, slow))
)
slip("the new length", "turns are counted in the stretched text, not in the training's")(
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
slip("even in the turns", "the passage is even in the turns, as in Llama 3, not in the pairs")(
    lambda speeds, base, factor, context, fast, slow: _llama3()(speeds, factor, slow, fast, context)
)
slip("temperature on the speeds", "the factor for cosine and sine is put on the frequencies")(
    _yarn(blend=lambda speeds, factor, slowed: _blended(speeds, factor, slowed) * (0.1 * math.log(factor) + 1))
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
