"""What a loss means: perplexity and bits per byte."""

import numpy as np


def perplexity(loss: float) -> float:
    """Return e to the loss; beyond all numbers it is infinity."""
    with np.errstate(over="ignore"):
        return float(np.exp(loss))


def bits_per_byte(loss: float, tokens_per_byte: float) -> float:
    """Return the bits of a token, log₂ x = log x / log 2, times the tokens of a byte."""
    return loss / float(np.log(2)) * tokens_per_byte
