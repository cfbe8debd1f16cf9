"""From the sums of the parts to the loss and the gradients of the whole: one division, at the end."""

from collections.abc import Iterable

import torch
from torch import Tensor

from llm_train.interface import Part


def combine(parts: Iterable[Part]) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Return the mean loss over all parts, its gradients, and how many targets counted.

    Formula: loss = Σ lossᵢ / Σ countᵢ;  gradients = Σ gradientsᵢ / Σ countᵢ

    Why it works:
        Threads, passes that are accumulated, and machines are ways to cut one batch. The mean of their means is the
        mean of the batch only if all count the same number of targets: [1, 2, 3] and [7] have the mean 3.25, and the
        means 2 and 7 have the mean 4.5. Sums add up however the batch is cut. With no counted target at all the loss
        and every gradient are 0, not 0/0.

    Args:
        parts: in a fixed order, because float addition depends on it; each is dropped when it has been added.
    """
    loss = count = torch.zeros((), dtype=torch.float64)
    gradients: dict[str, Tensor] = {}
    for part in parts:
        loss, count = loss.to(part.loss.device) + part.loss, count.to(part.count.device) + part.count
        for name, gradient in part.gradients.items():
            gradients[name] = gradients[name] + gradient if name in gradients else gradient
    divisor = count if float(count) > 0 else torch.ones_like(count)
    return loss / divisor, {name: gradient / float(divisor) for name, gradient in gradients.items()}, count
