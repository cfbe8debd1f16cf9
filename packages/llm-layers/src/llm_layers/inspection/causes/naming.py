"""Which guesses to try at which place."""

from collections.abc import Iterator

from llm_layers.inspection.causes.attention import attention_guesses
from llm_layers.inspection.causes.feed_forward import expert_guesses, inner_guesses
from llm_layers.inspection.causes.gradients import gradient_guesses, weight_gradient_guesses
from llm_layers.inspection.causes.guess import Cause, Guess, Scene, confirmed
from llm_layers.inspection.causes.norms import norm_guesses
from llm_layers.inspection.causes.products import logit_guesses, product_guesses
from llm_layers.inspection.causes.stream import start_guesses, sum_guesses
from llm_layers.inspection.causes.weights import weight_guesses, weight_of_b
from llm_layers.inspection.difference import difference
from llm_layers.inspection.flow import NORMS, hidden_weights_of, weights_of

INSIDE_ATTENTION = ("turned_query", "turned_key", "visible", "scores", "shares", "gathered")
EXACT = 1e-9
"""Weights are copied, not computed: from this relative difference on they are other weights."""


def causes_of_value(scene: Scene, tolerance: float) -> list[Cause]:
    """Name what makes B's numbers at a point: what is wrong with a weight used there, or else with the arithmetic."""
    before = difference(scene.a.values[scene.point], scene.target, tolerance).relative
    found: list[Cause] = []
    changed = changed_weights(scene)
    for name in changed:
        found += causes_of_weight(scene, name, tolerance)
    if found or changed:
        return found
    guesses = [*_guesses(scene)]
    return confirmed(guesses, scene.target, before, tolerance)


def changed_weights(scene: Scene) -> list[str]:
    """Name the weights used at a point that B does not share with A."""
    changed: list[str] = []
    names = weights_of(scene.point, scene.a.weights)
    for name in [*hidden_weights_of(scene.point, scene.a.weights, scene.seen), *names]:
        a, b = scene.a.weights[name], weight_of_b(scene, name)
        if b is None:  # B keeps it elsewhere, or in another form: nothing can be said about it
            continue
        if a.shape != b.shape or difference(a, b.to(a.dtype), EXACT).relative > EXACT:
            changed.append(name)
    return changed


def causes_of_weight(scene: Scene, name: str, tolerance: float) -> list[Cause]:
    """Name what happened to a weight."""
    a, b = scene.a.weights[name], weight_of_b(scene, name)
    if b is None or a.shape != b.shape:
        return []
    before = difference(a, b, tolerance).relative
    return confirmed(weight_guesses(scene, name), b, before, tolerance)


def causes_of_gradient(scene: Scene, weight: str | None, tolerance: float, floor: float) -> list[Cause]:
    """Name what makes B's gradient at a point, or of a weight."""
    if weight is None:
        right = scene.a.gradients.get(scene.point)
        target = scene.b.gradients.get(scene.point)
    else:
        right, target = scene.a.weight_gradients.get(weight), scene.b.weight_gradients.get(weight)
    if right is None or target is None:
        return []
    before = difference(right, target, tolerance, floor).relative
    if weight is None:
        guesses = gradient_guesses(scene, right, target)
    else:
        guesses = weight_gradient_guesses(scene, weight, right, target)
    return confirmed(guesses, target, before, tolerance)


def _guesses(scene: Scene) -> Iterator[Guess]:
    part = scene.part
    if scene.point == "embedding" or (scene.layer == 0 and part == "stream"):
        yield from start_guesses(scene)
    elif scene.point == "logits":
        yield from logit_guesses(scene)
    elif part in NORMS or part in ("final_norm", "attention.query_norm", "attention.key_norm"):
        yield from norm_guesses(scene)
        if part.startswith("attention.") and part.endswith("norm"):
            yield from attention_guesses(scene)
    elif part.removeprefix("attention.") in INSIDE_ATTENTION:
        yield from attention_guesses(scene)
    elif part in ("stream", "between"):
        yield from sum_guesses(scene)
    elif part == "feed_forward.inner":
        yield from inner_guesses(scene)
    elif part == "feed_forward.output" and scene.config.experts is not None:
        yield from expert_guesses(scene)
        yield from product_guesses(scene)
    else:
        yield from product_guesses(scene)
