"""Temperature, top-k and top-p, row by row, with the gradient of temperature derived by hand.

Comparisons look at the real part only, so that the functions also take the complex numbers of a
complex-step derivative.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_generate.interface import GenerateError

Array = NDArray[Any]


def temperature(logits: Array, temperature: float) -> Array:
    """Compute p = softmax(logits / temperature) over the last axis; temperature 0 is all on the first largest."""
    if not 0 <= temperature < math.inf:
        raise GenerateError(f"temperature must be 0 or more, was {temperature!r}.")
    if temperature == 0:
        largest = np.argmax(logits.real, axis=-1)  # the first among equals
        chosen: Array = (np.arange(logits.shape[-1]) == largest[..., np.newaxis]).astype(logits.dtype)
        return chosen
    # Complex -inf, divided, has an imaginary part that is no number; its exponential is 0 all the same.
    with np.errstate(invalid="ignore"):
        weights = np.exp((logits - logits.real.max(axis=-1, keepdims=True)) / temperature)
    probabilities: Array = weights / weights.sum(axis=-1, keepdims=True)
    return probabilities


def temperature_backward(dprobabilities: Array, logits: Array, temperature_value: float) -> Array:
    """The gradient for the logits.

    Write s_i = z_i / T and p_i = exp(s_i) / S with S = sum_j exp(s_j). Then

        dp_i / ds_j = [i = j] exp(s_i) / S  -  exp(s_i) exp(s_j) / S^2  =  p_i ([i = j] - p_j)
        dL / ds_j   = sum_i dL/dp_i * p_i ([i = j] - p_j)  =  p_j (dL/dp_j - sum_i p_i dL/dp_i)
        dL / dz_j   = dL/ds_j / T

    A filtered token (z = -inf) has p = 0 and so gradient 0. At T = 0 the result is piecewise
    constant: its gradient is 0 wherever it exists.
    """
    if temperature_value == 0:
        return np.zeros_like(logits)
    probabilities = temperature(logits, temperature_value)
    mean = (probabilities * dprobabilities).sum(axis=-1, keepdims=True)
    gradient: Array = probabilities * (dprobabilities - mean) / temperature_value
    return gradient


def top_k(logits: Array, k: int) -> Array:
    """Keep the k largest of every row, the lower id first among equals; -inf elsewhere."""
    if k < 1:
        raise GenerateError(f"top_k must be at least 1, was {k!r}.")
    result = np.full_like(logits, -math.inf)
    for row in np.ndindex(logits.shape[:-1]):
        kept = _falling(logits[row])[:k]
        result[row][kept] = logits[row][kept]
    return result


def top_p(logits: Array, p: float) -> Array:
    """Keep, by falling probability, until the sum reaches p; -inf elsewhere."""
    if not 0 < p <= 1:
        raise GenerateError(f"top_p must be above 0 and at most 1, was {p!r}.")
    if p == 1:
        return logits.copy()  # every token counts, also those that no longer change a rounded sum
    result = np.full_like(logits, -math.inf)
    for row in np.ndindex(logits.shape[:-1]):
        order = _falling(logits[row])
        reached = np.cumsum(temperature(logits[row], 1.0)[order].real)
        enough = np.searchsorted(reached, p) + 1  # the first sum that is p or more, and the token that brings it there
        kept = order[:enough]
        result[row][kept] = logits[row][kept]
    return result


def _falling(row: Array) -> Array:
    """The ids by falling logit, and by rising id where logits are equal."""
    ids: Array = np.argsort(-row.real, kind="stable")
    return ids
