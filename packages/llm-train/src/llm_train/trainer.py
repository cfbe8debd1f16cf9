"""The training loop: predict, measure the loss, update, repeat.

tokens ─▶ model ─▶ loss ─▶ gradients ─▶ clip ─▶ optimizer ─▶ new weights
▲                                                            │
└────────────────────── the next step ◀──────────────────────┘
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from llm_train.combining import combine
from llm_train.data.batch import Batch
from llm_train.interface import Backend, NonFiniteError, Optimizer
from llm_train.optimizers.clipping import clip_gradients
from llm_train.optimizers.loss_scale import LossScale
from llm_train.place import Place
from llm_train.schedule import batch_size

Batches = Callable[[int], Batch]
"""The batch of the n-th pass, always the same for the same n."""

Passes = Callable[[int], tuple[int, int]]
"""From an update's number, from 0, to its passes in each process, and those of all updates before it."""
ONE_PASS: Passes = partial(batch_size, sizes=[1], stage_steps=[])

Clipping = Callable[[Sequence[Tensor], float], tuple[list[Tensor], Tensor]]
"""Gradients and a limit in; the clipped gradients, and the norm before."""


@dataclass(frozen=True)
class Step:
    """What is known about one update; a function of the state alone, so that equal runs have equal steps."""

    number: int
    """Updates made so far, this one included."""
    loss: float
    """Before the update, on its own batch, in nats per token."""
    gradient_norm: float
    """Before clipping."""
    lr_multiplier: float
    """The factor by which the schedule scaled every peak learning rate."""
    tokens: int
    """Targets that counted in this update."""
    left_out: bool = False
    """Whether no update was made because gradients overflowed at this loss scale."""


class Trainer:
    """Makes updates; each is a pure function of the weights, the optimizer's state and its number.

    Why it works:
        Nothing else is kept from update to update: gradients are computed anew, batches and rates follow from the
        number. So a training that is stopped and resumed goes on as if nothing had been, and the losses of its first
        updates can be compared with those of any other program.

    Spec: train.first_losses
    """

    def __init__(
        self,
        backend: Backend,
        optimizer: Optimizer,
        batches: Batches,
        lr_multiplier: Callable[[int], float],
        *,
        clip: float = 1.0,
        accumulate: Passes = ONE_PASS,
        length: Callable[[int], int] | None = None,
        place: Place | None = None,
        loss_scale: LossScale | None = None,
        clipping: Clipping = clip_gradients,
    ) -> None:
        """Set up the training.

        Args:
            backend: runs the passes.
            optimizer: updates the weights.
            batches: the batch of each pass.
            lr_multiplier: the schedule: from the step number, counted from 0, to a factor of the peak learning rates.
            clip: largest norm of all gradients together.
            accumulate: how many passes each process makes for an update: `partial(batch_size, sizes=[4],
                stage_steps=[])` makes 4 for each; their sums are added up before they are divided.
            length: from an update's number, from 0, to the tokens to which its rows are cut; None leaves them whole.
            place: of this process among all that train together; None for one alone.
            loss_scale: for passes in float16, whose small gradients would become 0.
            clipping: limits the norm of all gradients together.
        """
        self.backend, self.optimizer = backend, optimizer
        self.batches, self.lr_multiplier = batches, lr_multiplier
        self.clip, self.accumulate, self.length = clip, accumulate, length
        self.place, self.loss_scale, self.clipping = place or Place(), loss_scale, clipping

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
        if self.loss_scale is not None:
            self.backend.loss_scale = self.loss_scale.scale
        loss, gradients, counted = self.gradients(number)
        clipped, norm = self.clipping(list(gradients.values()), self.clip)
        gradient_norm, multiplier = norm.item(), self.lr_multiplier(number)
        finite = math.isfinite(gradient_norm)
        if not math.isfinite(loss) or not (finite or self.loss_scale):
            raise NonFiniteError(
                f"step {number + 1}: the loss is {loss} and the gradient norm {gradient_norm}, the update was not made"
            )
        if self.loss_scale is not None:
            self.loss_scale.update(not finite)
        if counted and finite:  # without targets there is nothing to learn, but momentum and decay would move weights
            self.optimizer.step(dict(zip(gradients, clipped, strict=True)), multiplier)
        return Step(number + 1, loss, gradient_norm, multiplier, int(counted), left_out=not finite)

    def gradients(self, number: int) -> tuple[float, dict[str, Tensor], float]:
        """Return the mean loss and gradients of one update, and how many targets counted."""
        batches = (self.batches(one) for one in self.passes(number))
        if self.length is not None:
            batches = (batch.cut(self.length(number)) for batch in batches)
        return combine(self.backend.parts(batches))

    def passes(self, number: int) -> list[int]:
        """Return the numbers of this process's passes of an update.

        Part by part all processes take the next numbers in turn: how many processes there are, and how many passes
        each accumulates, decides who reads a batch, never which batches an update has.
        """
        count, before = self.accumulate(number)
        return [part * self.place.world + self.place.rank for part in range(before, before + count)]
