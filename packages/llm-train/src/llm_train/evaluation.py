"""How good a model is: loss, perplexity and bits per byte on text that it has never seen."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import nn

from llm_train.backends.threads import Workers
from llm_train.data.batch import Batch
from llm_train.data.batches import consecutive_batches
from llm_train.data.tokens import TokenFile
from llm_train.interface import NonFiniteError, Objective
from llm_train.measures import bits_per_byte, perplexity
from llm_train.place import Place


@dataclass(frozen=True)
class Evaluation:
    """The mean loss on a text, per token and per byte.

    Why it works:
        Loss and perplexity count per token, so they depend on the tokenizer: longer tokens are harder to predict, and
        there are fewer of them. Bits per byte count the same surprise per byte of text, which is what a compressor
        built on the model would need; they compare models whatever their vocabulary.
    """

    loss: float
    """Nats per token."""
    tokens_per_byte: float

    @property
    def perplexity(self) -> float:
        """exp(loss): the effective number of equally likely next tokens."""
        return perplexity(self.loss)

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of text, if the model were used to compress it."""
        return bits_per_byte(self.loss, self.tokens_per_byte)


def evaluate(
    model: nn.Module,
    objective: Objective,
    text: TokenFile,
    *,
    context_length: int,
    batch: int,
    windows: int | None = None,
    workers: Workers | None = None,
    mask_documents: bool = False,
    place: Place | None = None,
) -> Evaluation:
    """Return the mean loss over adjacent windows of a text, in which each token is predicted once.

    The windows do not overlap: the first tokens of each are predicted with little context. That makes the loss a little
    higher than with a sliding window, and comparable with other results that are measured in the same way.

    Args:
        model: the model to evaluate.
        objective: computes the sum of the losses of a batch.
        text: the text to predict.
        context_length: tokens of a window.
        batch: windows that are read at once.
        windows: how many, spread evenly over the text; None takes all of them and the rest at the end.
        workers: threads that each take a batch at a time.
        mask_documents: whether a document neither sees nor predicts others.
        place: of this process among all that share the batches; every one gets the same result.

    Raises:
        NonFiniteError: the loss is infinite or not a number.
    """
    whole = (len(text) - 1) // context_length
    chosen = None
    if windows is not None and windows < whole:
        chosen = [index * whole // windows for index in range(windows)]

    def sums(turn: tuple[Batch, bool]) -> tuple[float, float]:
        one, counts = turn
        with torch.no_grad():  # the mode is per thread
            total, count = objective(model, one.to(device))
            return (float(total), float(count)) if counts else (0.0, 0.0)

    place = place or Place()
    device = next(model.parameters()).device
    batches = consecutive_batches(
        text, context_length=context_length, batch=batch, windows=chosen, mask_documents=mask_documents
    )
    with evaluating(model):
        own = (workers or Workers()).map(sums, _turns(batches, place))
    totals, counts = zip(*_of_all(own, place), strict=True)
    loss = sum(totals) / sum(counts)
    if not math.isfinite(loss):
        raise NonFiniteError(f"the validation loss is {loss}")
    return Evaluation(loss, (len(text) - 1) / text.bytes)


def _turns(batches: Iterable[Batch], place: Place) -> Iterator[tuple[Batch, bool]]:
    """Yield the batches that this process reads, of every `world` one, and whether it counts.

    In the last round there may not be one for each. Then it reads one that another counts: where each process holds
    only a part of every weight, all must run the same number of passes.
    """
    rest = iter(batches)
    while turn := list(islice(rest, place.world)):
        yield turn[min(place.rank, len(turn) - 1)], place.rank < len(turn)


def _of_all(own: list[tuple[float, float]], place: Place) -> list[tuple[float, float]]:
    """Return the sums of all processes in the order of the batches, so that their sum is rounded as in one process."""
    if place.world == 1:
        return own
    table = torch.zeros(len(own), place.world, 2, dtype=torch.float64, device=place.device)
    table[:, place.rank] = torch.tensor(own, dtype=torch.float64, device=place.device)
    return [(total, count) for total, count in place.sum(table).flatten(0, 1).tolist()]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch dropout off, and on again if it was on."""
    was = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was)
