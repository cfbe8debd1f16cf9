"""Learning-rate schedules: the rate is a pure function of the step, so that a resumed run has nothing to restore.

rate
peak  ┤   ╭────────────╮           constant  ───────      wsd       ──────╲
┤  ╱              ╲          linear    ╲            cosine    ╶╮
floor ┤ ╱                ╲___                 ╲                      ╰─
└─┴────────────┴────┴──▶ step
warm-up
"""

import math

from llm_train.recipes.settings import ScheduleSettings


def warmup(step: int, warmup_steps: int) -> float:
    """Return the multiplier of the warm-up: 1/n in step 0, 2/n in step 1 … and 1 from the n-th step on.

    Why it works:
        The first gradients come from random weights and AdamW's averages hold only a few of them: a
        full step then goes far in a direction that means little. Small steps first cost almost nothing.
        It does not begin at 0: a step with rate 0 would read a batch and learn nothing from it.
    """
    return min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0


def warmup_cosine(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    """Rise linearly to the peak, then fall along half a cosine to the floor, and stay there.

    Formula:
        peak · (s+1)/w  for s < w
        floor + (peak - floor) · (1 + cos(π (s-w)/(n-w)))/2  for w ≤ s < n
        floor  for s ≥ n

    Why it works:
        Large steps overshoot the minimum; as the rate falls, the noise of the batches averages out. A cosine keeps
        high rates for long, falls fastest in the middle, and ends with many small steps.

    Args:
        step: number of the update, counted from 0.
        peak: the highest rate.
        floor: the lowest rate; not relative to the peak.
        warmup_steps: w; 0 begins at the peak.
        total_steps: n; from this step on the rate is the floor.

    Spec: train.warmup_cosine
    Source: Loshchilov and Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts", arXiv:1608.03983.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if step >= total_steps:
        return floor
    progress = (step - warmup_steps) / (total_steps - warmup_steps)
    return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))


def warmup_stable_decay(
    step: int, peak: float, floor: float, warmup_steps: int, total_steps: int, decay_steps: float
) -> float:
    """Rise linearly to the peak, stay there, and fall linearly to the floor over the last steps.

    Formula:
        peak · (s+1)/w  for s < w
        peak  for w ≤ s < n-d
        floor + (peak - floor) · (n-s)/d  for n-d ≤ s < n
        floor  for s ≥ n

    Why it works:
        Large steps make the most progress, and small ones only average out the noise of the batches, so the rate is
        high until the fall begins. Until then no step depends on how long the run will be.

    The arguments are those of `warmup_cosine`, and d = `decay_steps`: above 0 and at most n-w; need not be whole.

    Spec: train.warmup_stable_decay
    Source: Hu et al. 2024, "MiniCPM", arXiv:2404.06395.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    left = (total_steps - step) / decay_steps
    return floor + (peak - floor) * min(1.0, max(0.0, left))


def lr_multiplier(schedule: ScheduleSettings, total_steps: int, step: int) -> float:
    """Return the factor by which every peak learning rate is scaled in a step."""
    rise = min(schedule.warmup_steps, total_steps - 1)  # even a run of two steps has a step at the peak
    if schedule.shape == "constant":
        return warmup(step, rise)
    if schedule.shape == "cosine":
        return warmup_cosine(step, 1.0, schedule.floor, rise, total_steps)
    # A linear schedule is one whose decay begins right after the warm-up.
    decay_steps = schedule.decay * total_steps if schedule.shape == "wsd" else total_steps
    return warmup_stable_decay(step, 1.0, schedule.floor, rise, total_steps, min(decay_steps, total_steps - rise))
