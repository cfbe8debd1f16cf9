"""Dropout: in training, elements are zeroed at random."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from llm_layers.interface import LayersError


def dropout(x: Float[Tensor, "*batch"], kept: Bool[Tensor, "*batch"], rate: float) -> Float[Tensor, "*batch"]:
    """Set what is not kept to zero, and enlarge the rest so that the mean stays.

    Formula: y = kept · x / (1 - rate)

    Why it works:
        A part that may lose any of its inputs at any step cannot lean on one of them alone, nor on two that only
        work as a pair: it learns from many clues instead of memorizing with few. Every step in effect trains another
        thinned model, and the whole model is about the mean of them all. An element is kept with probability
        1 - rate, so dividing by that keeps its expected value: nothing has to change when dropout is switched off
        at inference, which is why the division is here and not there.

        It pays when the same text is read many times. A large model that reads each text once does better without.

    Args:
        x: any values.
        kept: True where an element is kept; drawn anew in every step (see `Dropout`).
        rate: the probability that an element is zeroed, from 0 up to but not including 1.

    Raises:
        LayersError: for a rate outside its range.

    Spec: layers.dropout
    Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".
    """
    _check(rate)
    # Not `kept * x`: zero times infinity is no zero.
    return torch.where(kept, x / (1.0 - rate), 0.0)


class Dropout(nn.Module):
    """Draws the mask of `dropout` in training; does nothing at inference, nor at rate 0.

    Args:
        rate: the probability that an element is zeroed.
        generator: source of the draws, on the device of the input; None takes torch's global one.

    Raises:
        LayersError: for a rate outside 0 ≤ rate < 1.
    """

    def __init__(self, rate: float, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        _check(rate)
        self.rate = rate
        self.generator = generator

    def forward(self, x: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        """Zero elements while `self.training`."""
        if not self.training or self.rate == 0.0:
            return x
        # float32 draws whatever x is: in bfloat16 torch draws only 256 different numbers.
        draws = torch.rand(x.shape, generator=self.generator, device=x.device)
        return dropout(x, draws >= self.rate, self.rate)


def _check(rate: float) -> None:
    if not 0.0 <= rate < 1.0:
        raise LayersError(
            f"rate must be at least 0 and less than 1, the probability that an element is zeroed, but was {rate!r}"
        )
