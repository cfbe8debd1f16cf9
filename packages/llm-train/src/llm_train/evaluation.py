"""How good a model is: loss, perplexity and bits per byte on text that it has never seen."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llm_train.backends.threads import Workers
from llm_train.data.batches import consecutive_batches
from llm_train.data.tokens import TokenFile
from llm_train.interface import NonFiniteError, Objective
from llm_train.measures import bits_per_byte, perplexity


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
) -> Evaluation:
    """Return the mean loss over adjacent windows of a text, in which each token is predicted once.

    The windows do not overlap: the first tokens of each are predicted with little context. That makes the loss a little
    higher than with a sliding window, and comparable with other results that are measured in the same way.

    Args:
        model: the model to evaluate.
        objective: computes the mean loss of a batch.
        text: the text to predict.
        context_length: tokens of a window.
        batch: windows that are read at once.
        windows: how many, spread evenly over the text; None takes all of them and the rest at the end.
        workers: threads that each take a batch at a time.

    Raises:
        NonFiniteError: the loss is infinite or not a number.
    """
    whole = (len(text) - 1) // context_length
    chosen = None
    if windows is not None and windows < whole:
        chosen = [index * whole // windows for index in range(windows)]

    def loss_sum(one: tuple[Tensor, Tensor]) -> tuple[float, int]:
        with torch.no_grad():  # the mode is per thread
            return objective(model, *one).item() * one[1].numel(), one[1].numel()

    batches = consecutive_batches(text.ids, context_length=context_length, batch=batch, windows=chosen)
    totals, counts = zip(*(workers or Workers()).map(loss_sum, batches), strict=True)
    loss = sum(totals) / sum(counts)
    if not math.isfinite(loss):
        raise NonFiniteError(f"the validation loss is {loss}")
    return Evaluation(loss, (len(text) - 1) / text.header.bytes)
