"""What looks ill in the sizes of a model's numbers, and where it begins."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from llm_layers.inspection.statistics import Measured, Statistics

WHOLE = 1e3
"""Ratio from one end of the model to the other beyond which it counts as vanishing or exploding."""
STEP = 10.0
"""Ratio over one block beyond which it counts as having begun there."""
NEAR_THE_LIMIT = 0.01
"""Share of the largest number that the type can hold."""
MOST = 0.9
"""Share of silent units from which a part counts as dead."""


@dataclass(frozen=True, kw_only=True)
class Issue:
    """Something that looks ill.

    Args:
        name: "not finite", "near overflow", "exploding activations", "exploding gradients", "vanishing gradients",
            "dead units" or "silent part".
        where: the first place, in the order of the data, or of the gradient.
        says: one sentence with the numbers.
    """

    name: str
    where: str
    says: str


def find_issues(statistics: Statistics) -> list[Issue]:
    """Name what looks ill, each thing once, at the place where it begins."""
    return [
        *_not_finite(statistics),
        *_near_overflow(statistics),
        *_growing_stream(statistics),
        *_gradients(statistics),
        *_dead(statistics),
    ]


def _not_finite(statistics: Statistics) -> Iterator[Issue]:
    backwards = [*reversed(statistics.gradients.values()), *reversed(statistics.weight_gradients.values())]
    for what, parts in (
        ("the weight", statistics.weights.values()),
        ("the output", statistics.outputs.values()),
        ("the gradient", backwards),
    ):
        for part in parts:
            if part.spread.not_finite > 0:
                share = f"{100 * part.spread.not_finite:.3g}% of its numbers are NaN or infinite"
                says = f"{what} {part.name} is the first that is not finite: {share}"
                yield Issue(name="not finite", where=part.name, says=says)
                return  # everything behind it is not finite because of it


def _near_overflow(statistics: Statistics) -> Iterator[Issue]:
    for part in statistics.outputs.values():
        if part.spread.largest > NEAR_THE_LIMIT * statistics.limit:
            says = f"{part.name} reaches {part.spread.largest:.3g}, and its type ends at {statistics.limit:.3g}"
            yield Issue(name="near overflow", where=part.name, says=says)
            return


def _streams(parts: dict[str, Measured]) -> list[Measured]:
    """The stream as it enters each block, and as it leaves the last."""
    return [part for name, part in parts.items() if name.endswith(("resid_pre", "resid_post"))]


def _growing_stream(statistics: Statistics) -> Iterator[Issue]:
    streams = _streams(statistics.outputs)
    sizes = [stream.spread.rms for stream in streams]
    if (ratio := _ratio(max(sizes), sizes[0])) > WHOLE:
        begins = _first_step(streams, growing=True)
        says = f"the stream grows {ratio:.3g} times above what enters the first block; it begins at {begins.name}"
        yield Issue(name="exploding activations", where=begins.name, says=says)


def _gradients(statistics: Statistics) -> Iterator[Issue]:
    streams = list(reversed(_streams(statistics.gradients)))  # as the gradient flows: from the last block to the first
    if len(streams) < 2:
        return
    ratio = _ratio(streams[-1].spread.rms, streams[0].spread.rms)
    if not 1 / WHOLE <= ratio <= WHOLE:
        growing = ratio > 1
        begins = _first_step(streams, growing=growing)
        word = "grows" if growing else "shrinks"
        says = (
            f"the gradient of the stream {word} {ratio if growing else 1 / max(ratio, 1e-300):.3g} times from the "
            f"last block to the first; on its way back it begins at {begins.name}"
        )
        yield Issue(name=f"{'exploding' if growing else 'vanishing'} gradients", where=begins.name, says=says)


def _first_step(parts: list[Measured], *, growing: bool) -> Measured:
    """Find the first of these parts that is much larger, or smaller, than the one before; else the largest step."""
    steps = []
    for earlier, later in pairwise(parts):
        ratio = _ratio(later.spread.rms, earlier.spread.rms)
        steps.append((ratio if growing else _ratio(1.0, ratio), later))
    return next((part for step, part in steps if step > STEP), max(steps, key=lambda step: step[0])[1])


def _dead(statistics: Statistics) -> Iterator[Issue]:
    for name, part in statistics.outputs.items():
        if name.endswith(("attention.output", "feed_forward.output")) and part.spread.zeros == 1:
            says = f"{name} is all zeros: the part adds nothing to the stream, as directly after `initialize`"
            yield Issue(name="silent part", where=name, says=says)
            break
    for name, part in statistics.outputs.items():
        if name.endswith("feed_forward.post") and part.silent >= MOST:
            says = f"{100 * part.silent:.3g}% of the units of {name} are zero for every token: they cannot learn"
            yield Issue(name="dead units", where=name, says=says)
            break


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else (1.0 if a == 0 else math.inf)
