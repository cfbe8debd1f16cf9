"""Cross-entropy and its companions in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array, outer
from llm_layers.reference.attention import softmax
from llm_layers.reference.mixture_of_experts import log_sum_exp


def _counted_and_one_hot(targets: Array, vocab: int, ignored: int) -> tuple[Array, Array]:
    """Return which targets count, and a row of the vocabulary for each, 1 at the target.

    Raises:
        IndexError: A target is neither an id of the vocabulary nor `ignored`.
    """
    counted = targets != ignored
    if np.any(counted & ((targets < 0) | (targets >= vocab))):
        raise IndexError(f"a target must be from 0 to {vocab - 1}, or {ignored}")
    return counted, targets[..., None] == np.arange(vocab)


def cross_entropy(logits: Array, targets: Array, ignored: int) -> Array:
    """Return the mean over the counted targets of log Σ exp(logits) - logits[target]; 0 when none counts."""
    counted, is_target = _counted_and_one_hot(targets, logits.shape[-1], ignored)
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
    counted, one_hot = _counted_and_one_hot(targets, logits.shape[-1], ignored)
    difference = (softmax(logits, -1) - one_hot) * counted[..., None]
    return dloss * difference / max(np.sum(counted), 1)


def cross_entropy_sum(logits: Array, targets: Array, weights: Array | None, ignored: int) -> tuple[Array, Array]:
    """Return Σ over counted i of w[i] · (log Σ exp(logits[i]) - logits[i, target]), and Σ of the same w."""
    counted, is_target = _counted_and_one_hot(targets, logits.shape[-1], ignored)
    w = np.where(counted, 1.0 if weights is None else weights, 0)
    shifted = logits - np.max(logits.real, axis=-1, keepdims=True)
    losses = np.log(np.sum(np.exp(shifted), axis=-1)) - np.sum(np.where(is_target, shifted, 0), axis=-1)
    return np.asarray(np.sum(w * losses)), np.asarray(np.sum(w))


def cross_entropy_sum_backward(
    dtotal: Array, dcount: Array, logits: Array, targets: Array, weights: Array | None, ignored: int
) -> Array:
    """Gradient of the logits.

    That of cross-entropy, times the weight of the row, and without the division: nobody knows the count of the other
    parts yet.

        dz[j] = dtotal · w · (p[j] - [j = t])        0 in rows that do not count

    The count depends on the weights alone, so dcount reaches no logit.
    """
    counted, one_hot = _counted_and_one_hot(targets, logits.shape[-1], ignored)
    w = np.where(counted, 1.0 if weights is None else weights, 0)
    return (0.0 if dtotal is None else dtotal) * w[..., None] * (softmax(logits, -1) - one_hot)


def smoothed_cross_entropy(logits: Array, targets: Array, smoothing: float, ignored: int) -> Array:
    """Return the mean over the counted targets of - Σ_j q[j] log p[j]; 0 when none counts.

    q is 1 - smoothing at the target, plus smoothing / vocab everywhere.
    """
    counted, one_hot = _counted_and_one_hot(targets, logits.shape[-1], ignored)
    q = (1 - smoothing) * one_hot + smoothing / logits.shape[-1]
    losses = log_sum_exp(logits) - np.sum(q * logits, axis=-1)  # Σ q = 1 in every counted row
    return np.asarray(np.sum(np.where(counted, losses, 0)) / max(np.sum(counted), 1))


def smoothed_cross_entropy_backward(
    dloss: Array, logits: Array, targets: Array, smoothing: float, ignored: int
) -> Array:
    """Gradient of the logits.

    For one counted row, with Σ q = 1 and n counted rows in all:

        loss = log Σ exp(z) - Σ_j q[j] z[j]        dz[j] = dloss · (p[j] - q[j]) / n

    It is zero at p = q, so no logit has to run away.
    """
    counted, one_hot = _counted_and_one_hot(targets, logits.shape[-1], ignored)
    q = (1 - smoothing) * one_hot + smoothing / logits.shape[-1]
    difference = (softmax(logits, -1) - q) * counted[..., None]
    return dloss * difference / max(np.sum(counted), 1)


def z_loss(logits: Array, targets: Array, ignored: int) -> Array:
    """Return the mean over the counted targets of (log Σ exp(logits))²; 0 when none counts."""
    counted, _ = _counted_and_one_hot(targets, logits.shape[-1], ignored)
    z = log_sum_exp(logits)
    return np.asarray(np.sum(np.where(counted, z * z, 0)) / max(np.sum(counted), 1))


def z_loss_backward(dloss: Array, logits: Array, targets: Array, ignored: int) -> Array:
    """Gradient of the logits.

    With z = log Σ exp(logits): ∂z/∂logits = softmax(logits), so for a counted row of n

        dlogits = dloss · 2 z / n · softmax(logits)
    """
    counted = targets != ignored
    slope = 2 * np.where(counted, log_sum_exp(logits), 0) / max(np.sum(counted), 1)
    return dloss * slope[..., None] * softmax(logits, -1)


def linear_cross_entropy(hidden: Array, head: Array, targets: Array, ignored: int) -> Array:
    """Return the cross-entropy of the logits hidden headᵀ."""
    return cross_entropy(hidden @ head.T, targets, ignored)


def linear_cross_entropy_backward(
    dloss: Array, hidden: Array, head: Array, targets: Array, ignored: int
) -> tuple[Array, Array]:
    """Gradients of hidden and head.

    With z = hidden headᵀ and dz from the gradient of cross-entropy, one row per position:

        dhidden = dz head        dhead = Σ over positions of dz hiddenᵀ

    dz is all that is needed of the logits, and a row of it needs only its own row: a fast version may work on some
    rows at a time and throw their logits away.
    """
    dz = cross_entropy_backward(dloss, hidden @ head.T, targets, ignored)
    return dz @ head, outer(dz, hidden)


def linear_cross_entropy_sum(
    hidden: Array, head: Array, targets: Array, weights: Array | None, ignored: int
) -> tuple[Array, Array]:
    """Return both sums of the logits hidden headᵀ."""
    return cross_entropy_sum(hidden @ head.T, targets, weights, ignored)


def linear_cross_entropy_sum_backward(
    dtotal: Array, dcount: Array, hidden: Array, head: Array, targets: Array, weights: Array | None, ignored: int
) -> tuple[Array, Array]:
    """Gradients of hidden and head: as of linear_cross_entropy, from the dz of the sum."""
    dz = cross_entropy_sum_backward(dtotal, dcount, hidden @ head.T, targets, weights, ignored)
    return dz @ head, outer(dz, hidden)
