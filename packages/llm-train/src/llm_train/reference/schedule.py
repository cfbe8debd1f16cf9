"""The learning rate as a function of the step, and of nothing else."""

import math


def warmup_cosine(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    """Linear up to the peak, half a cosine down to the floor, then the floor."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if step >= total_steps:
        return floor
    way_down = (step - warmup_steps) / (total_steps - warmup_steps)  # from 0 to 1
    return floor + (peak - floor) * (1 + math.cos(math.pi * way_down)) / 2


def warmup_stable_decay(
    step: int, peak: float, floor: float, warmup_steps: int, total_steps: int, decay_steps: float
) -> float:
    """Linear up to the peak, then the peak, over the last `decay_steps` linear down to the floor, then the floor."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    way_down = (step - (total_steps - decay_steps)) / decay_steps  # below 0 while the rate is stable
    return peak + (floor - peak) * min(max(way_down, 0.0), 1.0)
