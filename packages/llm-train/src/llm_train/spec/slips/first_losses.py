"""Mistakes in putting a training together."""

from collections.abc import Callable
from math import cos, pi, prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from llm_layers.spec.slips.torch_decoder import TorchDecoder
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.first_losses")

IGNORED = -100
Leaves = dict[str, Tensor]


class Training:
    """A right training in torch; one method for each place where people go wrong."""

    def __init__(self, settings: Any, layout: Any, weights: Tensor, steps: int, given: tuple[Any, ...]) -> None:
        self.peak, self.warmup, self.beta1, self.beta2, self.eps, self.decay, self.limit = given
        self.settings, self.layout, self.steps = settings, layout, steps
        parts = torch.split(weights, [prod(shape) for _, shape in layout])
        self.weights = {name: part.reshape(shape).clone() for (name, shape), part in zip(layout, parts, strict=True)}
        self.means = {name: torch.zeros_like(one) for name, one in self.weights.items()}
        self.squares = {name: torch.zeros_like(one) for name, one in self.weights.items()}
        self.last: Leaves = {}

    def row(self, weights: Leaves) -> Tensor:
        return torch.cat([one.reshape(-1) for one in weights.values()])

    def loss(self, weights: Leaves, tokens: Tensor, targets: Tensor) -> Tensor:
        logits = TorchDecoder(self.settings, self.layout, self.row(weights)).logits(tokens)
        return self.mean(logits, targets)

    def mean(self, logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)

    def backward(self, loss: Tensor, leaves: Leaves) -> Leaves:
        return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))

    def clip(self, gradients: Leaves) -> Leaves:
        norm = self.row(gradients).norm()
        return {name: one * torch.clamp(self.limit / norm, max=1.0) for name, one in gradients.items()}

    def rate(self, step: int) -> float:
        if step < self.warmup:
            return float(self.peak * (step + 1) / self.warmup)
        return float(self.peak * (1 + cos(pi * (step - self.warmup) / (self.steps - self.warmup))) / 2)

    def number(self, step: int) -> int:
        return step + 1

    def is_decayed(self, one: Tensor) -> bool:
        return one.ndim == 2

    def update(self, gradients: Leaves, step: int) -> None:
        rate, t = self.rate(step), self.number(step)
        for name, slope in gradients.items():
            self.means[name] = self.beta1 * self.means[name] + (1 - self.beta1) * slope
            self.squares[name] = self.beta2 * self.squares[name] + (1 - self.beta2) * slope**2
            root = (self.squares[name] / (1 - self.beta2**t)).sqrt() + self.eps
            decay = self.decay if self.is_decayed(self.weights[name]) else 0.0
            change = self.means[name] / (1 - self.beta1**t) / root + decay * self.weights[name]
            self.weights[name] = self.weights[name] - rate * change

    def step(self, step: int, tokens: Tensor, targets: Tensor) -> Tensor:
        leaves = {name: one.detach().requires_grad_() for name, one in self.weights.items()}
        loss = self.loss(leaves, tokens, targets)
        gradients = self.backward(loss, leaves)
        self.update(self.clip(gradients), step)
        return loss.detach()


def _training(**wrong: Callable[..., Any]) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return a training in which the named methods are replaced."""
    mistaken = type("Mistaken", (Training,), dict(wrong))

    def first_losses(
        tokens: Tensor, targets: Tensor, settings: Any, layout: Any, weights: Tensor, *given: Any
    ) -> tuple[Tensor, Tensor]:
        training = mistaken(settings, layout, weights, len(tokens), given)
        losses = [training.step(step, tokens[step], targets[step]) for step in range(len(tokens))]
        return torch.stack(losses), training.row(training.weights)

    return first_losses


def _added_up(self: Any, loss: Tensor, leaves: Leaves) -> Leaves:
    here = Training.backward(self, loss, leaves)
    self.last = {name: one + self.last.get(name, 0.0) for name, one in here.items()}
    return dict(self.last)


def _measured_after(self: Any, step: int, tokens: Tensor, targets: Tensor) -> Tensor:
    Training.step(self, step, tokens, targets)
    loss: Tensor = self.loss(self.weights, tokens, targets)
    return loss.detach()


def _forgotten(self: Any, gradients: Leaves, step: int) -> None:
    self.means = {name: torch.zeros_like(one) for name, one in self.weights.items()}
    self.squares = {name: torch.zeros_like(one) for name, one in self.weights.items()}
    Training.update(self, gradients, step)


def _of_rows(self: Any, logits: Tensor, targets: Tensor) -> Tensor:
    rows = [
        Training.mean(self, one[None], wanted[None])
        for one, wanted in zip(logits, targets, strict=True)
        if (wanted != IGNORED).any()
    ]
    return torch.stack(rows).mean()


slip("gradients are added up from step to step (zero_grad forgotten)", "Each step has the gradient of its own loss.")(
    _training(backward=_added_up)
)
slip("the loss after the update", "The loss of a step is that before its update.")(_training(step=_measured_after))
slip("moments forgotten after each step", "The moments are kept from step to step.")(_training(update=_forgotten))
slip("AdamW's steps are always the first", "The number of the step goes on.")(_training(number=lambda self, step: 1))
slip("AdamW's steps counted from 2", "The first step has t = 1.")(_training(number=lambda self, step: step + 2))
slip("no schedule", "The rate follows the schedule.")(_training(rate=lambda self, step: self.peak))
slip("a schedule that counts from 1", "The first step is step 0.")(
    _training(rate=lambda self, step: Training.rate(self, step + 1) if step + 1 < self.steps else 0.0)
)
slip("the schedule one step longer", "The total is the number of steps given.")(
    _training(
        rate=lambda self, step: (
            Training.rate(self, step)
            if step < self.warmup
            else self.peak * (1 + cos(pi * (step - self.warmup) / (self.steps + 1 - self.warmup))) / 2
        )
    )
)
slip("not clipped", "The gradient is clipped before the update.")(_training(clip=lambda self, gradients: gradients))
slip("each weight clipped by itself", "One norm for all weights together.")(
    _training(
        clip=lambda self, gradients: {
            name: one * torch.clamp(self.limit / one.norm(), max=1.0) for name, one in gradients.items()
        }
    )
)
slip("gains decay too", "Weights of one axis have no decay.")(_training(is_decayed=lambda self, one: True))
slip("nothing decays", "Weights of two axes decay.")(_training(is_decayed=lambda self, one: False))
slip("the mean of the rows' means", "The mean over all targets that count.")(_training(mean=_of_rows))
slip("divided by all targets", "Targets that do not count are not in the count.")(
    _training(
        mean=lambda self, logits, targets: (
            F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")
            / targets.numel()
        )
    )
)
slip("ignored targets taken for token 0", "They add nothing.")(
    _training(mean=lambda self, logits, targets: Training.mean(self, logits, targets.clamp(min=0)))
)
slip("the sum of the losses", "The mean over the targets that count.")(
    _training(
        mean=lambda self, logits, targets: F.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
        )
    )
)
slip("each position predicts itself", "The target is the next token.")(
    _training(loss=lambda self, weights, tokens, targets: Training.loss(self, weights, tokens, tokens))
)
slip("plain gradient descent", "The update is AdamW's.")(
    _training(
        update=lambda self, gradients, step: self.weights.update(
            {name: self.weights[name] - self.rate(step) * one for name, one in gradients.items()}
        )
    )
)
