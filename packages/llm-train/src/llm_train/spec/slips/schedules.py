"""Mistakes with the schedules."""

import math
from collections.abc import Callable

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()


def _cosine(fraction: float) -> float:
    return (1 + math.cos(math.pi * fraction)) / 2


def _cosine_left(step: float, warmup: int, total: float) -> float:
    return _cosine(min(1.0, (step - warmup) / (total - warmup)))


def _line_left(step: float, warmup: int, total: float, decay: float) -> float:
    return min(1.0, max(0.0, (total - step) / decay))


def _schedule(
    left: Callable[..., float],
    *,
    rise: Callable[[int, int], float] = lambda step, warmup: (step + 1) / warmup,
    rate: Callable[[float, float, float], float] = lambda peak, floor, left: floor + (peak - floor) * left,
) -> Callable[..., float]:
    """Return a schedule with one part replaced; `left` is what is left of the fall in a step, from 1 to 0."""
    return lambda step, peak, floor, warmup, total, *decay: (
        peak * rise(step, warmup) if step < warmup else rate(peak, floor, left(step, warmup, total, *decay))
    )


for slip, right in (
    (SLIPS.of("train.warmup_cosine"), _cosine_left),
    (SLIPS.of("train.warmup_stable_decay"), _line_left),
):
    slip("warm-up from zero", "Step 0 must already move: count s + 1.")(
        _schedule(right, rise=lambda step, warmup: step / warmup)
    )
    slip("warm-up that ends one step late", "The last step of the warm-up has the peak.")(
        _schedule(right, rise=lambda step, warmup: (step + 1) / (warmup + 1))
    )
    slip("warm-up divided without a look at zero", "warmup_steps may be 0.")(
        lambda step, peak, floor, warmup, *rest, right=right: (
            min(1.0, (step + 1) / warmup) * _schedule(right)(max(step, warmup), peak, floor, warmup, *rest)
        )
    )
    slip("floor ignored", "The fall ends at the floor, not at zero.")(
        _schedule(right, rate=lambda peak, floor, left: peak * left)
    )
    slip("floor added on top of the peak", "The fall spans from the peak to the floor.")(
        _schedule(right, rate=lambda peak, floor, left: floor + peak * left)
    )


slip = SLIPS.of("train.warmup_cosine")
slip("cosine over all steps, warm-up included", "The fall begins after the warm-up.")(
    _schedule(lambda step, warmup, total: _cosine_left(step, 0, total))
)
slip("no stop at the end: the cosine rises again", "From total_steps on the rate is the floor.")(
    _schedule(lambda step, warmup, total: _cosine((step - warmup) / (total - warmup)))
)
slip("a straight line down instead of a cosine", "Half a cosine: slow, fast, slow.")(
    _schedule(lambda step, warmup, total: 1 - min(1.0, (step - warmup) / (total - warmup)))
)
slip("a whole cosine, down and up", "Half a period: the angle goes to π, not to 2π.")(
    _schedule(lambda step, warmup, total: 0.0 if step >= total else _cosine(2 * (step - warmup) / (total - warmup)))
)
slip("the cosine ends one step early", "total_steps itself has the floor, not the step before.")(
    _schedule(lambda step, warmup, total: _cosine_left(step, warmup, total - 1))
)


slip = SLIPS.of("train.warmup_stable_decay")
slip("half a cosine down instead of a line", "The fall is a straight line.")(
    _schedule(lambda *steps: _cosine(1 - _line_left(*steps)))
)
slip("no stop at the end: the rate falls below the floor", "From total_steps on the rate is the floor.")(
    _schedule(lambda step, warmup, total, decay: min(1.0, (total - step) / decay))
)
slip("the fall ends one step early", "total_steps itself has the floor, not the step before.")(
    _schedule(lambda step, warmup, total, decay: _line_left(step, warmup, total - 1, decay))
)
slip("no stable part: the fall begins after the warm-up", "The rate stays at the peak until the last decay_steps.")(
    _schedule(lambda step, warmup, total, decay: _line_left(step, warmup, total, total - warmup))
)
slip("the fall begins at step decay_steps", "decay_steps counts back from total_steps.")(
    _schedule(lambda step, warmup, total, decay: _line_left(step, warmup, total, total - decay))
)
slip("decay_steps cut to whole steps", "decay_steps need not be whole.")(
    _schedule(lambda step, warmup, total, decay: _line_left(step, warmup, total, max(1, int(decay))))
)
