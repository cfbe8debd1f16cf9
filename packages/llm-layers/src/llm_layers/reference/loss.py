"""Cross-entropy in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array
from llm_layers.reference.attention import softmax


def cross_entropy(logits: Array, targets: Array, ignored: int) -> Array:
    """Give the mean over the counted targets of log Σ exp(logits) - logits[target]; 0 when none counts."""
    counted = targets != ignored
    is_target = targets[..., None] == np.arange(logits.shape[-1])
    shifted = logits - np.max(logits.real, axis=-1, keepdims=True)
    losses = np.log(np.sum(np.exp(shifted), axis=-1)) - np.sum(np.where(is_target, shifted, 0), axis=-1)
    return np.asarray(np.sum(np.where(counted, losses, 0)) / max(np.sum(counted), 1))


def cross_entropy_backward(dloss: Array, logits: Array, targets: Array, ignored: int) -> Array:
    """Gradient of the logits.

    For one counted row with target t and n counted rows in all:

        ∂(log Σ exp(z))/∂z[j] = exp(z[j]) / Σ exp(z) = p[j]        ∂z[t]/∂z[j] = [j = t]
        dz[j] = dloss · (p[j] - [j = t]) / n

    Rows that do not count have gradient 0. In words: take from every token the probability it was given, and give 1
    to the one that came.
    """
    counted = targets != ignored
    one_hot = targets[..., None] == np.arange(logits.shape[-1])
    difference = (softmax(logits, -1) - one_hot) * counted[..., None]
    return dloss * difference / max(np.sum(counted), 1)
