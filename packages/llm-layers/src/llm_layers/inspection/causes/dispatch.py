"""Which hypotheses to try for a mismatch."""

from collections.abc import Iterator

from torch import Tensor

from llm_layers.inspection.causes.exchange import gradient_hypotheses, value_hypotheses
from llm_layers.inspection.causes.hypothesis import Cause, Hypothesis, Mismatch
from llm_layers.inspection.causes.parts import parts_at
from llm_layers.inspection.causes.rounding import rounded, scaled
from llm_layers.inspection.causes.weights import weight_hypotheses, weight_of_b
from llm_layers.inspection.deviation import deviation
from llm_layers.inspection.flow import flow, hidden_weights_of, weights_of

EXACT = 1e-9
"""Weights are copied, not computed: from this relative difference on they are other weights."""


def causes_of_value(mismatch: Mismatch) -> list[Cause]:
    """Name the cause of B's values at a point: what is wrong with a weight used there, or else with the arithmetic."""
    changed = changed_weights(mismatch)
    if changed:
        return [cause for name in changed for cause in causes_of_weight(mismatch, name)]
    values, target = mismatch.a.values, mismatch.b.values
    return mismatch.confirmed(_of_value(mismatch), values, {name: target[name] for name in values if name in target})


def changed_weights(mismatch: Mismatch) -> list[str]:
    """Name the weights used at a point that are not the same in B."""
    changed: list[str] = []
    weights = mismatch.a.weights
    for name in [*hidden_weights_of(mismatch.point, weights, mismatch.seen), *weights_of(mismatch.point, weights)]:
        a, b = weights[name], weight_of_b(mismatch, name)
        if b is None:  # B keeps it elsewhere, or in another form: nothing can be said about it
            continue
        if a.shape != b.shape or deviation(a, b.to(a.dtype), EXACT).relative > EXACT:
            changed.append(name)
    return changed


def causes_of_weight(mismatch: Mismatch, name: str) -> list[Cause]:
    """Name what happened to a weight."""
    a, b = mismatch.a.weights[name], weight_of_b(mismatch, name)
    if b is None or a.shape != b.shape:
        return []
    return mismatch.confirmed(weight_hypotheses(mismatch, name), {name: a}, {name: b})


def causes_of_gradient(mismatch: Mismatch, name: str) -> list[Cause]:
    """Name the cause of B's gradient at a point, or of a weight."""
    a = mismatch.a.gradients | mismatch.a.weight_gradients
    b = mismatch.b.gradients | mismatch.b.weight_gradients
    if name not in a or name not in b:
        return []
    return mismatch.confirmed(_of_gradient(mismatch, name, a[name], b[name]), a, b)


def _of_value(mismatch: Mismatch) -> Iterator[Hypothesis]:
    point, order = mismatch.point, flow(mismatch.config.layers)
    later = {*order[order.index(point) :]}
    for part in parts_at(mismatch):
        if part.last in later and not later & part.inputs.keys():
            yield from value_hypotheses(mismatch, part)
    right, target = mismatch.a.values[point], mismatch.b.values[point]
    yield from rounded(point, right, target, f"the values at {point}")
    yield from scaled(point, right, target, f"the output at {point}")


def _of_gradient(mismatch: Mismatch, name: str, right: Tensor, target: Tensor) -> Iterator[Hypothesis]:
    for part in parts_at(mismatch):
        yield from gradient_hypotheses(mismatch, part, name)
    what = f"the gradient of {name}"
    if right.dim() == 2 and right.shape[0] == right.shape[1]:
        says = f"{what} in {{b}} is that of {{a}} transposed"
        yield Hypothesis(name="transposed gradient", says=says, predicts={name: right.T})
    limit = target.abs().max()
    says = f"{what} is clipped to ±{limit.item():.5g} in {{b}}"
    yield Hypothesis(name="gradient clipped", says=says, predicts={name: right.clamp(-limit, limit)})
    yield from rounded(name, right, target, what)
    yield from scaled(name, right, target, what)
