"""The schedules, written otherwise."""

import cmath
import math
from collections.abc import Sequence

import numpy as np

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("train.warmup_cosine")


@variant("cosine squared of the half angle")
def squared_cosine(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * ((step + 1) / warmup_steps)
    down = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    share = math.cos(math.pi / 2 * down) ** 2
    return share * peak + (1 - share) * floor


variant("the real part of a number that turns half round")(
    lambda step, peak, floor, warmup_steps, total_steps: (
        peak * (step + 1) / warmup_steps
        if step < warmup_steps
        else (peak + floor) / 2
        + (peak - floor)
        / 2
        * cmath.rect(1, math.pi * min(1, (step - warmup_steps) / (total_steps - warmup_steps))).real
    )
)


@variant("what is lost since the peak, NumPy", arrays="numpy")
def lost_since_the_peak(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return float(np.interp(step + 1, [0, warmup_steps], [0.0, peak]))
    down = np.interp(step, [warmup_steps, total_steps], [0.0, 1.0])
    return float(peak - (peak - floor) * np.sin(np.pi / 2 * down) ** 2)


@VARIANTS.of("train.warmup_stable_decay")("between four corners, NumPy", arrays="numpy")
def four_corners(
    step: int, peak: float, floor: float, warmup_steps: int, total_steps: int, decay_steps: float
) -> float:
    corners = [-1, warmup_steps - 1, total_steps - decay_steps, total_steps]
    return float(np.interp(step, corners, [0.0, peak, peak, floor]))


VARIANTS.of("train.warmup_stable_decay")("the least of the lines")(
    lambda step, peak, floor, warmup_steps, total_steps, decay_steps: min(
        peak * (step + 1) / (warmup_steps or 1),
        peak,
        max(floor, peak - (peak - floor) * (step - total_steps + decay_steps) / decay_steps),
    )
)


VARIANTS.of("train.warmup_linear")("the least of the lines")(
    lambda step, peak, floor, warmup_steps, total_steps: min(
        peak * (step + 1) / (warmup_steps or 1),
        peak,
        max(floor, peak - (peak - floor) * (step - warmup_steps) / (total_steps - warmup_steps)),
    )
)


@VARIANTS.of("train.warmup_linear")("between three corners, NumPy", arrays="numpy")
def three_corners(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return float(np.interp(step, [-1, warmup_steps - 1], [0.0, peak]))
    return float(np.interp(step, [warmup_steps, total_steps], [peak, floor]))


@VARIANTS.of("train.batch_size")("by searching the ends of the stages", arrays="numpy")
def by_searching(step: int, sizes: Sequence[int], stage_steps: Sequence[int]) -> tuple[int, int]:
    starts = np.concatenate([[0], np.cumsum(np.asarray(stage_steps[: len(sizes) - 1], dtype=np.int64))])
    stage = int(np.searchsorted(starts, step, side="right")) - 1
    rows = int(np.sum(np.diff(starts[: stage + 1]) * np.asarray(sizes[:stage], dtype=np.int64)))
    return sizes[stage], rows + (step - int(starts[stage])) * sizes[stage]


VARIANTS.of("train.sequence_length")("the remainder taken away")(
    lambda step, first, last, growth_steps, multiple: (
        last if step >= growth_steps else first + (grown := (last - first) * step // growth_steps) - grown % multiple
    )
)
