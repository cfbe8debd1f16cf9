"""The update-to-weight ratio: by which fraction of themselves weights have moved."""

import math
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from llm_train.optimizers.clipping import gradient_norm


def update_ratio(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """Return how far weights have moved, as a fraction of their length.

    Formula: ‖after - before‖ / ‖before‖, the norms over all weights together

    Why it works:
        A learning rate has no meaning by itself; how far a step moves a weight in relation to what it is, has. With
        AdamW a ratio near 0.001 is healthy: at 0.1 weights are thrown about, at 0.00001 they hardly learn. Muon's steps
        have a length of their own, so its ratio is compared only with that of other steps.

    Args:
        before: some weights before one or more updates.
        after: the same ones, in the same order, after them.

    Returns:
        The ratio; 0 where nothing has moved, and infinity where weights that were all zero have.

    Spec: train.update_ratio
    Source: Karpathy 2015, "CS231n: Neural Networks Part 3", section "Ratio of weights:updates".
    """
    moved = gradient_norm([new - old for old, new in zip(before, after, strict=True)]).item()
    length = gradient_norm(before).item()
    if length == 0:
        return math.inf if moved else 0.0
    return float(moved / length)


def update_ratios(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], group_of: Callable[[str, Tensor], str]
) -> dict[str, float]:
    """Return the update ratio of each group of weights; `group_of` takes a weight's name and its value."""
    groups: dict[str, list[str]] = {}
    for name, weight in before.items():
        groups.setdefault(group_of(name, weight), []).append(name)
    return {
        group: update_ratio([before[name] for name in names], [after[name] for name in names])
        for group, names in groups.items()
    }
