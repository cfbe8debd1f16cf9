"""How good a model is: loss, perplexity and bits per byte on text it has never seen."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llm_train.batches import consecutive_batches
from llm_train.interface import Objective
from llm_train.tokens import TokenFile
from llm_train.workers import Workers


@dataclass(frozen=True)
class Evaluation:
    """The mean loss over some tokens of a text, and what it means for the text's bytes.

    Why it works:
        Loss and perplexity count per token, so they depend on the tokenizer: longer tokens are harder to guess, and
        there are fewer of them. Bits per byte count the same surprise per byte of text, which is what a compressor
        built on the model would need; they compare models whatever their vocabulary.
    """

    loss: float
    """Nats per token."""
    tokens_per_byte: float

    @property
    def perplexity(self) -> float:
        """Among how many equally likely tokens the model wavers."""
        return math.exp(self.loss)

    @property
    def bits_per_byte(self) -> float:
        """Bits that a byte of the text takes when the model compresses it."""
        return self.loss * self.tokens_per_byte / math.log(2)


def evaluate(
    model: nn.Module,
    objective: Objective,
    text: TokenFile,
    *,
    context: int,
    batch: int,
    windows: int | None = None,
    workers: Workers | None = None,
) -> Evaluation:
    """Read a text in windows side by side, each token guessed once, and give the mean loss.

    The windows do not overlap: the first tokens of each are guessed with little context. That makes the figure a
    little worse than a sliding window would, and the same for everybody who takes it.

    Args:
        model: what is judged.
        objective: gives the mean loss of a batch.
        text: what it is judged on.
        context: tokens of a window.
        batch: windows that are read at once.
        windows: how many, spread evenly over the text; None takes them all and the rest at the end.
        workers: threads that take a batch each.
    """
    whole = (len(text) - 1) // context
    chosen = None
    if windows is not None and windows < whole:
        chosen = [index * whole // windows for index in range(windows)]

    def work(one: tuple[Tensor, Tensor]) -> tuple[float, int]:
        with torch.no_grad():  # every thread has to say so for itself
            return objective(model, *one).item() * one[1].numel(), one[1].numel()

    batches = consecutive_batches(text.ids, context=context, batch=batch, windows=chosen)
    totals, counts = zip(*(workers or Workers()).map(work, batches), strict=True)
    return Evaluation(sum(totals) / sum(counts), (len(text) - 1) / text.header.bytes)
