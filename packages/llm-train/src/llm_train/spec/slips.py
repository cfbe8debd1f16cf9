"""Mistakes that people really make when they write a training step."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.adamw")

Update = Callable[[Tensor, Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor, Tensor]]


def _adamw(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    update: Update,
) -> Tensor:
    """Run `update(parameter, gradient, m, v, t) -> parameter, m, v` over all gradients."""
    first, second = torch.zeros_like(parameter), torch.zeros_like(parameter)
    parameters = []
    for t, gradient in enumerate(gradients, start=1):
        parameter, first, second = update(parameter, gradient, first, second, t)
        parameters.append(parameter)
    return torch.stack(parameters)


@slip("weight decay inside the gradient (that is Adam with L2)", "Decay is subtracted from the parameter.")
def decay_in_the_gradient(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        g = g + weight_decay * p
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        return p - learning_rate * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps), m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("bias correction left out", "Divide the moments by 1 − β^t: they start at zero.")
def no_bias_correction(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        return p - learning_rate * weight_decay * p - learning_rate * m / (v.sqrt() + eps), m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("bias correction of the first moment only", "The second moment starts at zero too.")
def half_a_bias_correction(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        step = (m / (1 - beta1**t)) / (v.sqrt() + eps)
        return p - learning_rate * weight_decay * p - learning_rate * step, m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("steps counted from 2", "The first step has t = 1.")
def counted_from_two(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        step = (m / (1 - beta1 ** (t + 1))) / ((v / (1 - beta2 ** (t + 1))).sqrt() + eps)
        return p - learning_rate * weight_decay * p - learning_rate * step, m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("epsilon inside the root", "Epsilon is added to the root, not to the mean square.")
def epsilon_inside(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        step = (m / (1 - beta1**t)) / (v / (1 - beta2**t) + eps).sqrt()
        return p - learning_rate * weight_decay * p - learning_rate * step, m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("epsilon added before the bias correction", "Correct the second moment first, then add epsilon.")
def epsilon_before_correction(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        rate = learning_rate * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        return p - learning_rate * weight_decay * p - rate * m / (v.sqrt() + eps), m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("epsilon left out", "A gradient of zero gives 0/0 without it.")
def no_epsilon(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        step = (m / (1 - beta1**t)) / (v / (1 - beta2**t)).sqrt()
        return p - learning_rate * weight_decay * p - learning_rate * step, m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("weight decay not multiplied by the learning rate", "Here λ is per unit of learning rate.")
def decay_without_rate(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        step = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
        return p - weight_decay * p - learning_rate * step, m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("decay of the parameter after the step", "Decay takes its share of the parameter before the step.")
def decay_after_the_step(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        p = p - learning_rate * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
        return p * (1 - learning_rate * weight_decay), m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("weight decay left out", "Without it this is Adam.")
def no_decay(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        return p - learning_rate * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps), m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("the two betas exchanged", "β1 is the mean's, β2 is the mean square's.")
def betas_exchanged(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta2 * m + (1 - beta2) * g, beta1 * v + (1 - beta1) * g**2
        step = (m / (1 - beta2**t)) / ((v / (1 - beta1**t)).sqrt() + eps)
        return p - learning_rate * weight_decay * p - learning_rate * step, m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("moments forgotten after each step", "The moments belong to the parameter and are kept.")
def moments_forgotten(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        step = g / (g.abs() + eps)
        return p - learning_rate * weight_decay * p - learning_rate * step, m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


@slip("the mean as a sum (momentum of plain SGD)", "The new gradient counts for 1 − β1.")
def mean_as_a_sum(
    parameter: Tensor,
    gradients: Tensor,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> Tensor:
    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        m, v = beta1 * m + g, beta2 * v + (1 - beta2) * g**2
        step = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
        return p - learning_rate * weight_decay * p - learning_rate * step, m, v

    return _adamw(parameter, gradients, learning_rate, beta1, beta2, eps, weight_decay, update)


def _cosine(way_down: float) -> float:
    return (1 + math.cos(math.pi * way_down)) / 2


slip = SLIPS.of("train.warmup_cosine")


@slip("warm-up from zero", "Step 0 must already move: count s + 1.")
def warmup_from_zero(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * step / warmup_steps
    if step >= total_steps:
        return floor
    return floor + (peak - floor) * _cosine((step - warmup_steps) / (total_steps - warmup_steps))


@slip("warm-up that ends one step late", "The last step of the warm-up has the peak.")
def warmup_one_late(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * (step + 1) / (warmup_steps + 1)
    if step >= total_steps:
        return floor
    return floor + (peak - floor) * _cosine((step - warmup_steps) / (total_steps - warmup_steps))


@slip("floor ignored", "The cosine ends at the floor, not at zero.")
def floor_ignored(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return peak * _cosine(min(1.0, (step - warmup_steps) / (total_steps - warmup_steps)))


@slip("floor added on top of the peak", "The cosine spans from the floor to the peak.")
def floor_on_top(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return floor + peak * _cosine(min(1.0, (step - warmup_steps) / (total_steps - warmup_steps)))


@slip("cosine over all steps, warm-up included", "The way down begins after the warm-up.")
def cosine_over_all(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return floor + (peak - floor) * _cosine(min(1.0, step / total_steps))


@slip("no stop at the end: the cosine rises again", "From total_steps on the rate is the floor.")
def rises_again(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return floor + (peak - floor) * _cosine((step - warmup_steps) / (total_steps - warmup_steps))


@slip("a straight line down instead of a cosine", "Half a cosine: slow, fast, slow.")
def straight_down(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return peak + (floor - peak) * min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))


@slip("a whole cosine, down and up", "Half a period: the angle goes to π, not to 2π.")
def whole_cosine(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if step >= total_steps:
        return floor
    return floor + (peak - floor) * _cosine(2 * (step - warmup_steps) / (total_steps - warmup_steps))


@slip("the cosine ends one step early", "total_steps itself has the floor, not the step before.")
def ends_one_early(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return floor + (peak - floor) * _cosine(min(1.0, (step - warmup_steps) / (total_steps - 1 - warmup_steps)))


@slip("warm-up divided without a look at zero", "warmup_steps may be 0.")
def divides_by_zero(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    rising = min(1.0, (step + 1) / warmup_steps)
    if step >= total_steps:
        return floor
    down = max(0, step - warmup_steps) / (total_steps - warmup_steps)
    return rising * (floor + (peak - floor) * _cosine(down))


def _norm(first: Tensor, second: Tensor) -> Tensor:
    return torch.sqrt((first**2).sum() + (second**2).sum())


slip = SLIPS.of("train.clip_gradients")


@slip("each gradient clipped by itself", "One norm for all, or the direction changes.")
def clipped_one_by_one(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    own = [torch.clamp(limit / (g.norm() + 1e-30), max=1.0) for g in (first, second)]
    return first * own[0], second * own[1], _norm(first, second)


@slip("always scaled to the limit", "Gradients below the limit are left alone.")
def always_scaled(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    norm = _norm(first, second)
    scale = limit / norm if norm > 0 else 1.0
    return first * scale, second * scale, norm


slip("clipped number by number", "All numbers are multiplied by the same factor.")(
    lambda first, second, limit: (first.clamp(-limit, limit), second.clamp(-limit, limit), _norm(first, second))
)


@slip("norm without the root", "The norm is the root of the sum of squares.")
def no_root(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    norm = (first**2).sum() + (second**2).sum()
    scale = torch.clamp(limit / (norm + 1e-30), max=1.0)
    return first * scale, second * scale, norm


@slip("norms of the gradients added up", "Add the squares, then take one root.")
def norms_added(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    norm = first.norm() + second.norm()
    scale = torch.clamp(limit / (norm + 1e-30), max=1.0)
    return first * scale, second * scale, norm


@slip("root of the mean square instead of the sum", "The norm grows with the number of weights.")
def mean_for_sum(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    norm = torch.cat([first.flatten(), second.flatten()]).square().mean().sqrt()
    scale = torch.clamp(limit / (norm + 1e-30), max=1.0)
    return first * scale, second * scale, norm


@slip("the norm after clipping is told", "The norm before clipping shows what happened.")
def clipped_norm(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    norm = _norm(first, second)
    scale = torch.clamp(limit / (norm + 1e-30), max=1.0)
    return first * scale, second * scale, norm * scale


@slip("divided by the norm, not by norm / limit", "Multiply by the limit as well.")
def to_length_one(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    norm = _norm(first, second)
    scale = 1 / norm if norm > limit else 1.0
    return first * scale, second * scale, norm


@slip("0/0 where all gradients are zero", "Divide only where the norm is above the limit.")
def zero_over_zero(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    norm = _norm(first, second)
    scale = torch.minimum(torch.ones_like(norm), limit / norm) * (norm / norm)
    return first * scale, second * scale, norm
