"""Measures of a loss: perplexity, and bits per byte, which compares models whatever their vocabulary."""

import math


def perplexity(loss: float) -> float:
    """Return among how many equally likely tokens the model would be as uncertain as it is.

    Formula: exp(loss)

    Why it works:
        A loss of log n nats is that of a model that gives n tokens 1/n each. It counts per token, so it compares models
        with the same tokenizer only.

    Args:
        loss: nats per token.

    Returns:
        The perplexity; infinity where it is beyond all numbers.

    Spec: train.perplexity
    Source: Jelinek et al. 1977, "Perplexity: a measure of the difficulty of speech recognition tasks".
    """
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def bits_per_byte(loss: float, tokens_per_byte: float) -> float:
    """Return how many bits the model would need per byte of text, if it were used to compress it.

    Formula: loss / log 2 · tokens / bytes

    Why it works:
        A token of probability p costs -log₂ p bits, which is its loss in nats divided by log 2. Longer tokens are
        harder to predict, but there are fewer of them; the bytes of the text are the same for every tokenizer.

    Args:
        loss: nats per token.
        tokens_per_byte: tokens that were predicted, divided by the bytes that they stand for, in UTF-8.

    Spec: train.bits_per_byte
    Source: Shannon 1948, "A Mathematical Theory of Communication"; Gao et al. 2020, "The Pile", arXiv:2101.00027.
    """
    return loss / math.log(2) * tokens_per_byte
