"""Mistakes with the schedules."""

import math
from collections.abc import Callable, Sequence

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()


def _cosine(fraction: float) -> float:
    return (1 + math.cos(math.pi * fraction)) / 2


def _cosine_left(step: float, warmup: int, total: float) -> float:
    return _cosine(min(1.0, (step - warmup) / (total - warmup)))


def _even_left(step: float, warmup: int, total: float) -> float:
    return 1 - min(1.0, (step - warmup) / (total - warmup))


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
    (SLIPS.of("train.warmup_linear"), _even_left),
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


slip = SLIPS.of("train.warmup_linear")
slip("the line from step 0 on", "The fall begins after the warm-up.")(
    _schedule(lambda step, warmup, total: 1 - min(1.0, step / total))
)
slip("half a cosine down instead of a line", "The fall is a straight line.")(
    _schedule(lambda *steps: _cosine(1 - _even_left(*steps)))
)
slip("no stop at the end: the rate falls below the floor", "From total_steps on the rate is the floor.")(
    _schedule(lambda step, warmup, total: (total - step) / (total - warmup))
)
slip("the fall ends one step early", "total_steps itself has the floor, not the step before.")(
    _schedule(lambda step, warmup, total: _even_left(step, warmup, total - 1))
)
slip("a multiplication by the same factor in every step", "A line, not a curve.")(
    _schedule(lambda *steps: math.exp(-5 * (1 - _even_left(*steps))) if _even_left(*steps) else 0.0)
)


slip = SLIPS.of("train.batch_size")


def _stages(step: int, sizes: Sequence[int], stage_steps: Sequence[int]) -> tuple[int, int]:
    of_stages = [size for size, length in zip(sizes, stage_steps, strict=False) for _ in range(length)]
    every = [*of_stages, *[sizes[-1]] * (step + 1)]
    return every[step], sum(every[:step])


slip("steps counted from 1", "Step 0 is the first.")(
    lambda step, *stages: (_stages(step + 1, *stages)[0], _stages(step, *stages)[1])
)
slip("each stage one step longer", "A stage ends with its last step.")(
    lambda step, sizes, stage_steps: _stages(step, sizes, [length + 1 for length in stage_steps])
)
slip("stage_steps as the steps in which stages end", "They are lengths: add them up.")(
    lambda step, sizes, stage_steps: (
        sizes[sum(step >= end for end in stage_steps)],
        _stages(step, sizes, stage_steps)[1],
    )
)
slip("rows counted with the size of this step", "Each earlier step had its own size.")(
    lambda *given: (_stages(*given)[0], given[0] * _stages(*given)[0])
)
slip("this step's rows are counted too", "The rows before this step.")(
    lambda *given: (_stages(*given)[0], sum(_stages(*given)))
)
slip("the number of steps instead of rows", "Rows, not steps.")(lambda *given: (_stages(*given)[0], given[0]))
slip("always the first size", "The size changes with the stage.")(
    lambda step, sizes, stage_steps: (sizes[0], step * sizes[0])
)


slip = SLIPS.of("train.sequence_length")


def _grown(step: int, first: int, last: int, steps: int, multiple: int) -> int:
    return last if step >= steps else first + (last - first) * step // (steps * multiple) * multiple


slip("rounded to the nearest multiple", "Round down: a length is used when the line has reached it.")(
    lambda step, first, last, steps, multiple: (
        last if step >= steps else first + round((last - first) * step / steps / multiple) * multiple
    )
)
slip("rounded up", "Round down: a length is used when the line has reached it.")(
    lambda step, first, last, steps, multiple: (
        last if step >= steps else first - (-(last - first) * step // (steps * multiple)) * multiple
    )
)
slip("not rounded to multiples", "Whole multiples above the first length.")(
    lambda step, first, last, steps, multiple: _grown(step, first, last, steps, 1)
)
slip("multiples of the length itself", "Multiples above the first length, which need be none itself.")(
    lambda *given: _grown(*given) // given[-1] * given[-1] if given[0] < given[3] else given[2]
)
slip("steps counted from 1", "Step 0 has the first length.")(lambda step, *rest: _grown(step + 1, *rest))
slip("no end of the growth", "From growth_steps on it is the last length.")(
    lambda step, first, last, steps, multiple: (
        first + (last - first) * step // (steps * multiple) * multiple if steps else last
    )
)
slip("a division by zero steps of growth", "growth_steps may be 0.")(
    lambda step, first, last, steps, multiple: min(last, first + (last - first) * step // (steps * multiple) * multiple)
)
slip("the last length is rounded too", "The last length is as given.")(
    lambda step, first, last, steps, multiple: (
        first + (last - first) // multiple * multiple if step >= steps else _grown(step, first, last, steps, multiple)
    )
)
slip("a fraction that is rounded before it is used", "Compute in whole numbers, or 0.29 · 100 is 28.")(
    lambda step, first, last, steps, multiple: (
        last if step >= steps else first + int(step / steps * (last - first) / multiple) * multiple
    )
)
