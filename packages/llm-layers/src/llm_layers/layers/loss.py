"""Cross-entropy: how surprised the model is by the token that came; and what is added to it in training."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from llm_layers.interface import LayersError
from llm_layers.layers.precision import at_least_float32

IGNORE_INDEX = -100
"""Target value that marks a position whose loss does not count."""


def cross_entropy(
    logits: Float[Tensor, "*batch vocab"], targets: Int[Tensor, "*batch"], ignored: int = IGNORE_INDEX
) -> Float[Tensor, ""]:
    """Compute the mean loss over the targets that count.

    Formula: loss = mean over counted i of  log Σ exp(logits[i]) - logits[i, targets[i]]

    Why it works:
        It is minus the logarithm of the probability that the model gave to what really came: 0 when it was certain and
        right, ln(vocab) when it guessed evenly, without limit when it was certain and wrong. Its gradient is as simple
        as it can be, probabilities minus the one-hot target. Working with log Σ exp as a whole, after taking the
        largest logit out, keeps it finite for logits of any size. The mean runs over the counted targets only: padding
        must not make a batch look easier. With no counted target the loss is 0, not 0/0.

    Args:
        logits: one row of scores per target; low precision is raised to float32.
        targets: ids of the right tokens, or `ignored`.
        ignored: the target value that does not count.

    Spec: layers.cross_entropy
    Source: Shannon 1948, "A Mathematical Theory of Communication".
    """
    total, count = cross_entropy_sum(logits, targets, ignored=ignored)
    return total / count.clamp(min=1)


def cross_entropy_sum(
    logits: Float[Tensor, "*batch vocab"],
    targets: Int[Tensor, "*batch"],
    weights: Float[Tensor, "*batch"] | None = None,
    ignored: int = IGNORE_INDEX,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Compute the weighted sum of the losses of the targets that count, and the sum of their weights.

    Formula: total = Σ over counted i of  w[i] (log Σ exp(logits[i]) - logits[i, targets[i]]);  count = Σ of the same w

    Why it works:
        A batch that is cut into parts has the loss (total₁ + total₂ + …) / (count₁ + count₂ + …), however it is cut.
        The mean of the parts' means is another number as soon as the parts count different numbers of targets: a part
        with four targets would weigh as much as one with thirty. So a part returns both sums, and whoever has all parts
        divides once.

    Args:
        logits: one row of scores per target; low precision is raised to float32.
        targets: ids of the right tokens, or `ignored`.
        weights: how much each target counts; None counts each once.
        ignored: the target value that does not count, whatever its weight.

    Returns:
        The sum of the losses, and the sum of the weights; both 0 when no target counts.

    Spec: layers.cross_entropy_sum
    """
    working = logits.to(at_least_float32(logits.dtype)).reshape(-1, logits.shape[-1])
    flat = targets.reshape(-1).long()
    counted = counted_weights(flat, weights, ignored, working.dtype)
    if weights is None:
        return F.cross_entropy(working, flat, ignore_index=ignored, reduction="sum"), counted.sum()
    losses = F.cross_entropy(working, flat, ignore_index=ignored, reduction="none")
    return (losses * counted).sum(), counted.sum()


def counted_weights(targets: Tensor, weights: Tensor | None, ignored: int, dtype: torch.dtype) -> Tensor:
    """Return how much each target counts, as one row: its weight, or 1; and 0 where it is ignored."""
    counts = targets != ignored
    return counts.to(dtype) if weights is None else weights.reshape(-1).to(dtype).where(counts, 0)


def smoothed_cross_entropy(
    logits: Float[Tensor, "*batch vocab"], targets: Int[Tensor, "*batch"], smoothing: float, ignored: int = IGNORE_INDEX
) -> Float[Tensor, ""]:
    """Compute the cross-entropy against targets of which a small part is spread over the whole vocabulary.

    Formula: loss = mean over counted i of  - Σ_j q[i, j] log p[i, j]
        with q[i, j] = (1 - smoothing) [j = targets[i]] + smoothing / vocab

    Why it works:
        A one-hot target can be met only with an infinite logit, so plain training never stops pushing. With a small
        part of the target spread evenly the best answer is finite: the target's logit is
        log(1 + vocab (1 - smoothing) / smoothing) above the others. The model stays less sure of itself, which helps
        where targets are sometimes wrong; it costs some perplexity, because the even part is not what really comes.
        The even part goes to all vocab tokens, the target among them, as in torch; handing it to the vocab - 1 others
        is another convention.

    Args:
        logits: one row of scores per target; low precision is raised to float32.
        targets: ids of the right tokens, or `ignored`.
        smoothing: the part that is spread, from 0 to 1; 0 is `cross_entropy`.
        ignored: the target value that does not count.

    Raises:
        LayersError: when smoothing is not between 0 and 1.

    Spec: layers.smoothed_cross_entropy
    Source: Szegedy et al. 2015, "Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567.
    """
    if not 0 <= smoothing <= 1:
        raise LayersError(
            f"smoothing must lie between 0 and 1, because it is a part of the target, but was {smoothing}"
        )
    working = logits.to(at_least_float32(logits.dtype)).reshape(-1, logits.shape[-1])
    flat = targets.reshape(-1).long()
    total = F.cross_entropy(working, flat, ignore_index=ignored, reduction="sum", label_smoothing=smoothing)
    return total / (flat != ignored).sum().clamp(min=1)


def z_loss(
    logits: Float[Tensor, "*batch vocab"], targets: Int[Tensor, "*batch"], ignored: int = IGNORE_INDEX
) -> Float[Tensor, ""]:
    """Compute the mean square of log Σ exp(logits) over the targets that count.

    Formula: loss = mean over counted i of (log Σ exp(logits[i]))²

    Why it works:
        Cross-entropy looks at differences of logits only: it does not notice when all of them drift together, and a
        drift costs precision, most of all in bfloat16. Times a small factor (PaLM took 0.0001) and added to the
        cross-entropy, this loss keeps log Σ exp near 0, so that a logit is nearly the log probability itself. Its
        gradient is 2 · log Σ exp · probabilities: a drift upwards is pushed down where the probability is.

    Args:
        logits: one row of scores per target; low precision is raised to float32.
        targets: only says which rows count: those that are not `ignored`.
        ignored: the target value that does not count.

    Spec: layers.z_loss
    Source: Chowdhery et al. 2022, "PaLM: Scaling Language Modeling with Pathways", arXiv:2204.02311, section 5.
    """
    counted = targets != ignored
    normalizer = logits.to(at_least_float32(logits.dtype)).logsumexp(dim=-1)
    return normalizer.square().where(counted, 0).sum() / counted.sum().clamp(min=1)
