"""How good a model is: loss, perplexity and bits per byte on text it has never seen."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from llm_train.batches import consecutive_batches
from llm_train.interface import Objective
from llm_train.tokens import TokenFile


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


@torch.no_grad()
def evaluate(
    model: nn.Module, objective: Objective, text: TokenFile, *, context: int, batch: int, windows: int | None = None
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
    """
    whole = (len(text) - 1) // context
    chosen = None
    if windows is not None and windows < whole:
        chosen = [index * whole // windows for index in range(windows)]
    total, count = 0.0, 0
    for tokens, targets in consecutive_batches(text.ids, context=context, batch=batch, windows=chosen):
        total += objective(model, tokens, targets).item() * targets.numel()
        count += targets.numel()
    return Evaluation(total / count, (len(text) - 1) / text.header.bytes)
