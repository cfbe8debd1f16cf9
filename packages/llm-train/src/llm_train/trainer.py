"""The training loop: guess, measure, correct, again.

tokens ─▶ model ─▶ loss ─▶ gradients ─▶ clip ─▶ optimizer ─▶ new weights
▲                                                            │
└────────────────────── the next step ◀──────────────────────┘
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llm_train.gradients import clip_gradients
from llm_train.interface import NonFiniteError, Objective, Optimizer
from llm_train.passes import Passes
from llm_train.workers import Workers

Batches = Callable[[int], tuple[Tensor, Tensor]]
"""The tokens and targets of the n-th pass, always the same for the same n."""


@dataclass(frozen=True)
class Step:
    """What one update was like."""

    number: int
    """Updates made so far, this one included."""
    loss: float
    """Before the update, on its own batch, in nats per token."""
    gradient_norm: float
    """Before clipping."""
    rate_share: float
    """What the schedule left of every peak rate."""
    tokens: int
    """Tokens that this update learned from."""


class Trainer:
    """Makes updates, one after the other; each is a pure function of the weights, the averages and its number."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        objective: Objective,
        batches: Batches,
        rate_share: Callable[[int], float],
        *,
        clip: float = 1.0,
        accumulate: int = 1,
        dtype: torch.dtype = torch.float32,
        workers: Workers | None = None,
    ) -> None:
        """Take the parts.

        Args:
            model: any module that the objective can work with.
            optimizer: moves its weights.
            objective: says how wrong it is.
            batches: gives the tokens and targets of each pass; update s makes the passes s·accumulate and following.
            rate_share: the schedule: step number from 0 to a share of the peak rates.
            clip: largest norm of all gradients together.
            accumulate: passes per update; their gradients are averaged.
            dtype: in which the passes are computed; the weights keep their own.
            workers: threads that share each batch; None leaves all to the calling one.
        """
        self.model, self.optimizer = model, optimizer
        self.batches, self.rate_share = batches, rate_share
        self.clip, self.accumulate = clip, accumulate
        self.passes = Passes(model, objective, dtype, workers)

    def run(self, start: int, stop: int) -> Iterator[Step]:
        """Make the updates from number `start` to before `stop`; give each when it is made.

        It is a generator, so whoever iterates may look at the model between two updates, save it, or leave.
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
                f"step {number + 1}: the loss is {loss} and the gradient norm {norm.item()}; the update was not made. "
                "Lower the learning rates (--set hidden_rate=…) or try --set precision=float32"
            )
        share = self.rate_share(number)
        self.optimizer.step(dict(zip(gradients, clipped, strict=True)), share)
        return Step(number + 1, loss, norm.item(), share, tokens)

    def gradients(self, number: int) -> tuple[float, dict[str, Tensor], int]:
        """The mean loss and gradients over the passes of one update, and how many tokens they saw."""
        losses, tokens = [], 0
        total: dict[str, Tensor] = {}
        for part in range(self.accumulate):
            inputs, targets = self.batches(number * self.accumulate + part)
            loss, gradients = self.passes.loss_and_gradients(inputs, targets)
            losses.append(loss)
            tokens += targets.numel()
            for name, gradient in gradients.items():
                total[name] = total[name] + gradient if name in total else gradient
        if self.accumulate > 1:
            total = {name: gradient / self.accumulate for name, gradient in total.items()}
        return sum(losses) / len(losses), total, tokens
