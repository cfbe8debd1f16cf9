"""The training loop: predict, measure the loss, update, repeat.

tokens ─▶ model ─▶ loss ─▶ gradients ─▶ clip ─▶ optimizer ─▶ new weights
▲                                                            │
└────────────────────── the next step ◀──────────────────────┘
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llm_train.backends.threads import ThreadBackend, Workers
from llm_train.interface import NonFiniteError, Objective, Optimizer
from llm_train.optimizers.clipping import clip_gradients

Batches = Callable[[int], tuple[Tensor, Tensor]]
"""The tokens and targets of the n-th pass, always the same for the same n."""


@dataclass(frozen=True)
class Step:
    """What is known about one update."""

    number: int
    """Updates made so far, this one included."""
    loss: float
    """Before the update, on its own batch, in nats per token."""
    gradient_norm: float
    """Before clipping."""
    lr_multiplier: float
    """The factor by which the schedule scaled every peak learning rate."""
    tokens: int
    """Training tokens of this update."""


class Trainer:
    """Makes updates; each is a pure function of the weights, the optimizer's state and its number."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        objective: Objective,
        batches: Batches,
        lr_multiplier: Callable[[int], float],
        *,
        clip: float = 1.0,
        accumulate: int = 1,
        dtype: torch.dtype = torch.float32,
        workers: Workers | None = None,
    ) -> None:
        """Set up the training.

        Args:
            model: any module that the objective accepts.
            optimizer: updates its weights.
            objective: computes the loss.
            batches: tokens and targets of each pass; update s makes the passes from s·accumulate on.
            lr_multiplier: the schedule: from the step number, counted from 0, to a factor of the peak learning rates.
            clip: largest norm of all gradients together.
            accumulate: passes per update; their gradients are averaged.
            dtype: of the passes; the weights keep their own.
            workers: threads that split each batch; None runs all in the calling one.
        """
        self.model, self.optimizer = model, optimizer
        self.batches, self.lr_multiplier = batches, lr_multiplier
        self.clip, self.accumulate = clip, accumulate
        self.backend = ThreadBackend(model, objective, dtype, workers)

    def run(self, start: int, stop: int) -> Iterator[Step]:
        """Make the updates from number `start` to before `stop`, and yield each one.

        Because it is a generator, the caller can look at the model between two updates, save it, or leave.
        """
        for number in range(start, stop):
            yield self.update(number)

    def update(self, number: int) -> Step:
        """Make one update.

        Raises:
            NonFiniteError: the loss or the gradient norm is infinite or not a number; no weight has been changed.
        """
        loss, gradients, tokens = self.gradients(number)
        clipped, norm = clip_gradients(list(gradients.values()), self.clip)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise NonFiniteError(
                f"step {number + 1}: the loss is {loss} and the gradient norm {norm.item()}, the update was not made"
            )
        multiplier = self.lr_multiplier(number)
        self.optimizer.step(dict(zip(gradients, clipped, strict=True)), multiplier)
        return Step(number + 1, loss, norm.item(), multiplier, tokens)

    def gradients(self, number: int) -> tuple[float, dict[str, Tensor], int]:
        """Return the mean loss and gradients over the passes of one update, and the number of tokens."""
        losses, tokens = [], 0
        total: dict[str, Tensor] = {}
        for part in range(self.accumulate):
            inputs, targets = self.batches(number * self.accumulate + part)
            loss, gradients = self.backend.loss_and_gradients(inputs, targets)
            losses.append(loss)
            tokens += targets.numel()
            for name, gradient in gradients.items():
                total[name] = total[name] + gradient if name in total else gradient
        if self.accumulate > 1:
            total = {name: gradient / self.accumulate for name, gradient in total.items()}
        return sum(losses) / len(losses), total, tokens
