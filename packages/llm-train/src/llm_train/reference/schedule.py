"""Learning rate, batch size and context length as functions of the step, and of nothing else."""

import math
from collections.abc import Sequence


def warmup_cosine(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    """Rise in a line to the peak, fall along half a cosine to the floor, then the floor."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if step >= total_steps:
        return floor
    way_down = (step - warmup_steps) / (total_steps - warmup_steps)  # from 0 to 1
    return floor + (peak - floor) * (1 + math.cos(math.pi * way_down)) / 2


def warmup_stable_decay(
    step: int, peak: float, floor: float, warmup_steps: int, total_steps: int, decay_steps: float
) -> float:
    """Rise in a line to the peak, stay, fall in a line over the last `decay_steps`, then the floor."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    way_down = (step - (total_steps - decay_steps)) / decay_steps  # below 0 while the rate is stable
    return peak + (floor - peak) * min(max(way_down, 0.0), 1.0)


def warmup_linear(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    """Rise in a line to the peak, fall in a line to the floor, then the floor."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    way_down = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return (1 - way_down) * peak + way_down * floor


def batch_size(step: int, sizes: Sequence[int], stage_steps: Sequence[int]) -> tuple[int, int]:
    """Return the size of this step's batch, and how many rows the steps before it have read, counted one by one."""
    before = [size for size, length in zip(sizes, stage_steps, strict=False) for _ in range(length)][:step]
    ended = sum(1 for number in range(len(stage_steps)) if step >= sum(stage_steps[: number + 1]))
    return sizes[ended], sum(before) + sizes[-1] * (step - len(before))


def sequence_length(step: int, first: int, last: int, growth_steps: int, multiple: int) -> int:
    """Return the tokens of a window: as many whole multiples above `first` as the line from first to last has passed.

    The line is at first + (last - first) s / n in step s of n; in whole numbers nothing is rounded.
    """
    if step >= growth_steps:
        return last
    multiples = (last - first) * step // (growth_steps * multiple)
    return first + multiples * multiple
