"""Schedules: learning rate, batch size and context length are pure functions of the step: nothing to restore.

rate
peak  ┤   ╭────────────╮           constant  ───────      wsd       ──────╲
┤  ╱              ╲          linear    ╲            cosine    ╶╮
floor ┤ ╱                ╲___                 ╲                      ╰─
└─┴────────────┴────┴──▶ step
warm-up
"""

import math
from collections.abc import Callable, Mapping, Sequence

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


def warmup_linear(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    """Rise linearly to the peak, then fall linearly to the floor, and stay there.

    Formula:
        peak · (s+1)/w  for s < w
        floor + (peak - floor) · (n-s)/(n-w)  for w ≤ s < n
        floor  for s ≥ n

    Why it works:
        It is the simplest fall, and for a run whose length is known it is hard to beat: each step counts for the end
        result about as much as every other, if the rate falls in proportion to the steps that are left.

    The arguments are those of `warmup_cosine`.

    Spec: train.warmup_linear
    Source: Defazio et al. 2023, "Optimal Linear Decay Learning Rate Schedules and Further Refinements",
        arXiv:2310.07831.
    """
    return warmup_stable_decay(step, peak, floor, warmup_steps, total_steps, total_steps - warmup_steps)


FALLS: Mapping[str, Callable[..., float]] = {
    "warmup_cosine": warmup_cosine, "warmup_linear": warmup_linear, "warmup_stable_decay": warmup_stable_decay,
}  # fmt: skip


def lr_multiplier(
    schedule: ScheduleSettings, total_steps: int, step: int, falls: Mapping[str, Callable[..., float]] = FALLS
) -> float:
    """Return the factor by which every peak learning rate is scaled in a step."""
    rise = min(schedule.warmup_steps, total_steps - 1)  # even a run of two steps has a step at the peak
    if schedule.shape == "constant":
        return warmup(step, rise)
    if schedule.shape == "cosine":
        return falls["warmup_cosine"](step, 1.0, schedule.floor, rise, total_steps)
    if schedule.shape == "linear":
        return falls["warmup_linear"](step, 1.0, schedule.floor, rise, total_steps)
    decay_steps = min(schedule.decay * total_steps, total_steps - rise)
    return falls["warmup_stable_decay"](step, 1.0, schedule.floor, rise, total_steps, decay_steps)


def batch_size(step: int, sizes: Sequence[int], stage_steps: Sequence[int]) -> tuple[int, int]:
    """Return the batch size of a step, and how many rows all steps before it have read.

    Formula: size = sizes[k] in the steps from e[k-1] to before e[k], with e[k] = stage_steps[0] + … + stage_steps[k]

    Why it works:
        A larger batch has less noise in its gradient, and it costs more. At first all batches agree on where to go and
        a small one is enough; near the end the noise is what keeps the loss up. Growing the batch does what lowering
        the learning rate does, in fewer and larger steps, which many machines can share.

        The number of rows before the step is what the order of the data goes by: it is a function of the step too.

    Args:
        step: number of the update, counted from 0.
        sizes: of the batch in each stage, in rows or in passes.
        stage_steps: how many steps each stage lasts, but the last, which does not end.

    Spec: train.batch_size
    Source: Smith et al. 2018, "Don't Decay the Learning Rate, Increase the Batch Size", arXiv:1711.00489;
        McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", arXiv:1812.06162.
    """
    before = 0
    for size, length in zip(sizes, stage_steps, strict=False):
        if step < length:
            return size, before + step * size
        step, before = step - length, before + length * size
    return sizes[-1], before + step * sizes[-1]


def sequence_length(step: int, first: int, last: int, growth_steps: int, multiple: int) -> int:
    """Return how many tokens of context the windows of a step have: growing evenly, in whole multiples.

    Formula: first + m · ⌊(last - first) · s / (growth_steps · m)⌋ with m = multiple; last from growth_steps on

    Why it works:
        Attention costs grow with the square of the length, and what a model learns first, letters, words and their
        neighbors, needs little context. Short windows at first are cheaper and their gradients calmer. Multiples of 8
        or more fit the tiles of the processor, and keep the number of different shapes (and compilations) small.

    Args:
        step: number of the update, counted from 0.
        first: tokens in the first step.
        last: tokens from step `growth_steps` on; at least `first`.
        growth_steps: how long it grows; 0 begins with `last`.
        multiple: of which the growth is.

    Spec: train.sequence_length
    Source: Li, Zhang and He 2022, "The Stability-Efficiency Dilemma: Investigating Sequence Length Warmup for Training
        GPT Models", arXiv:2108.06084.
    """
    if step >= growth_steps:
        return last
    return first + (last - first) * step // (growth_steps * multiple) * multiple
