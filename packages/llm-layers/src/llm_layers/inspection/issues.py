"""What is wrong with the sizes of a model's values, and where it begins."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from llm_layers.inspection.statistics import Statistics, TensorStatistics

WHOLE = 1e3
"""Ratio from one end of the model to the other beyond which it counts as vanishing or exploding."""
STEP = 10.0
"""Ratio over one block beyond which it counts as having begun there."""
NEAR_THE_LIMIT = 0.01
"""Fraction of the largest value of the type."""
MOST = 0.9
"""Fraction of dead units from which a feed-forward layer counts as dead."""


@dataclass(frozen=True, kw_only=True)
class Issue:
    """Something that is probably wrong.

    Args:
        name: "not finite", "near overflow", "exploding activations", "exploding gradients", "vanishing gradients",
            "dead units" or "silent layer".
        where: the first place, in the order of the data, or of the gradient.
        says: one sentence with the values.
    """

    name: str
    where: str
    says: str


def find_issues(statistics: Statistics) -> list[Issue]:
    """Name what is wrong, each kind once, at the place where it begins."""
    kinds = (_not_finite, _near_overflow, _growing_stream, _gradients, _silent, _dead)
    return [issue for kind in kinds for issue in kind(statistics)]


def _not_finite(statistics: Statistics) -> Iterator[Issue]:
    backwards = [*reversed(statistics.gradients.values()), *reversed(statistics.weight_gradients.values())]
    for what, tensors in (
        ("the weight", statistics.weights.values()),
        ("the output", statistics.outputs.values()),
        ("the gradient", backwards),
    ):
        for x in tensors:
            if x.not_finite > 0:
                fraction = f"{100 * x.not_finite:.3g}% of its values are NaN or infinite"
                says = f"{what} {x.name} is the first that is not finite: {fraction}"
                yield Issue(name="not finite", where=x.name, says=says)
                return  # everything after it is not finite because of it


def _near_overflow(statistics: Statistics) -> Iterator[Issue]:
    x = next((x for x in statistics.outputs.values() if x.largest > NEAR_THE_LIMIT * statistics.limit), None)
    if x is not None:
        says = f"{x.name} reaches {x.largest:.3g}, and the largest value of its type is {statistics.limit:.3g}"
        yield Issue(name="near overflow", where=x.name, says=says)


def _stream(tensors: dict[str, TensorStatistics]) -> list[TensorStatistics]:
    """Return the residual stream as it enters each block, and as it leaves the last."""
    return [x for name, x in tensors.items() if name.endswith(("resid_pre", "resid_post"))]


def _growing_stream(statistics: Statistics) -> Iterator[Issue]:
    stream = _stream(statistics.outputs)
    if (ratio := _ratio(max(x.rms for x in stream), stream[0].rms)) > WHOLE:
        begins = _first_step(stream, growing=True)
        says = f"the residual stream grows {ratio:.3g} times over the blocks; it begins at {begins.name}"
        yield Issue(name="exploding activations", where=begins.name, says=says)


def _gradients(statistics: Statistics) -> Iterator[Issue]:
    stream = list(reversed(_stream(statistics.gradients)))  # as the gradient flows: from the last block to the first
    ratio = _ratio(stream[-1].rms, stream[0].rms) if stream else 1.0
    if not 1 / WHOLE <= ratio <= WHOLE:
        growing = ratio > 1
        begins = _first_step(stream, growing=growing)
        times = f"{'grows' if growing else 'shrinks'} {ratio if growing else 1 / max(ratio, 1e-300):.3g} times"
        says = f"the gradient of the stream {times} from the last block to the first; it begins at {begins.name}"
        yield Issue(name=f"{'exploding' if growing else 'vanishing'} gradients", where=begins.name, says=says)


def _first_step(stream: list[TensorStatistics], *, growing: bool) -> TensorStatistics:
    """Return the first of these that is much larger, or smaller, than the one before; else the largest step."""
    steps = []
    for earlier, later in pairwise(stream):
        ratio = _ratio(later.rms, earlier.rms)
        steps.append((ratio if growing else _ratio(1.0, ratio), later))
    return next((x for step, x in steps if step > STEP), max(steps, key=lambda step: step[0])[1])


def _silent(statistics: Statistics) -> Iterator[Issue]:
    for name, x in statistics.outputs.items():
        if name.endswith(("attention.output", "feed_forward.output")) and x.zeros == 1:
            says = f"{name} is all zeros: the layer adds nothing to the stream, as directly after `initialize`"
            yield Issue(name="silent layer", where=name, says=says)
            return


def _dead(statistics: Statistics) -> Iterator[Issue]:
    for name, x in statistics.outputs.items():
        if name.endswith("feed_forward.post") and x.dead >= MOST:
            says = f"{100 * x.dead:.3g}% of the units of {name} are zero for every token: they cannot learn"
            yield Issue(name="dead units", where=name, says=says)
            return


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else (1.0 if a == 0 else math.inf)
