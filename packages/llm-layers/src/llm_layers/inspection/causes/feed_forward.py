"""What may be wrong inside a feed-forward part: its activation, its gate, its choice of experts."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from llm_layers.inspection.causes.guess import Guess, Scene
from llm_layers.inspection.causes.rounding import rounded
from llm_layers.inspection.causes.weights import factor
from llm_layers.layers.mixture_of_experts import apply_experts, top_k_router

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "SiLU": F.silu,
    "exact GELU": F.gelu,
    "GELU in its tanh form": lambda x: F.gelu(x, approximate="tanh"),
    "GELU as x · sigmoid(1.702 x)": lambda x: x * torch.sigmoid(1.702 * x),
    "squared ReLU": lambda x: F.relu(x).square(),
    "ReLU": F.relu,
    "the sigmoid": torch.sigmoid,
    "no activation": lambda x: x,
}
OURS = {
    "swiglu": "SiLU",
    "geglu": "GELU in its tanh form",
    "gelu": "GELU in its tanh form",
    "relu_squared": "squared ReLU",
}


def inner_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess which activation B has between its feed-forward products, and on which of the two."""
    right = scene.a.values[scene.point]
    plain, variants = _inner(scene)
    if plain is not None and scene.describes(plain):
        yield from variants
    yield from rounded(right, scene.target, f"the numbers at {scene.point}")
    yield from factor(right, scene.target, f"what is found at {scene.point}")


def whole_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess the same where B works in one piece, so that only the output of the part can be seen."""
    down, bias = scene.weight("feed_forward.down.weight"), scene.weight("feed_forward.down.bias")
    plain, variants = _inner(scene)
    if down is None or plain is None or not scene.describes(F.linear(plain, down, bias)):
        return
    for guess in variants:
        if guess.value is not None:
            yield Guess(name=guess.name, says=guess.says, value=F.linear(guess.value, down, bias))


def _inner(scene: Scene) -> tuple[Tensor | None, list[Guess]]:
    """Give what A hands to its down weight, and what it would be with one mistake."""
    gate, up = scene.value("feed_forward.gate"), scene.value("feed_forward.up")
    if up is None:
        return None, []
    mine = OURS[scene.config.design.feed_forward]
    bend = ACTIVATIONS[mine]
    guesses: list[Guess] = []
    if gate is not None:
        says = "{b} bends the up product and multiplies it with the gate, {a} bends the gate"
        guesses.append(Guess(name="gate and up swapped", says=says, value=bend(up) * gate))
    for name, activation in ACTIVATIONS.items():
        says = f"{{b}} has {name} in {scene.full('feed_forward')}, {{a}} has {mine}"
        value = activation(up) if gate is None else activation(gate) * up
        guesses.append(Guess(name="another activation", says=says, value=value))
    if gate is not None:
        says = "{b} has no gate: it bends the up product alone"
        guesses.append(Guess(name="gate left out", says=says, value=bend(up)))
    return bend(up) if gate is None else bend(gate) * up, guesses


def expert_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess how B chooses its experts and weighs their answers."""
    experts, x = scene.config.experts, scene.value("feed_forward_norm")
    logits = scene.value("feed_forward.router")
    gate, up, down = (scene.weight(f"feed_forward.{part}") for part in ("gate", "up", "down"))
    if experts is None or x is None or logits is None or gate is None or up is None or down is None:
        return
    normalised, k = experts.norm_topk_prob, experts.per_token
    shares, chosen = top_k_router(logits, k, normalised)
    if not scene.describes(apply_experts(x, shares, chosen, gate, up, down)):
        return
    does = (
        "does not divide the shares of the chosen experts by their sum",
        "divides the shares of the chosen experts by their sum",
    )
    shares, chosen = top_k_router(logits, k, not normalised)
    value = apply_experts(x, shares, chosen, gate, up, down)
    yield Guess(name="expert shares normalised otherwise", says=f"{{b}} {does[not normalised]}", value=value)
    for other in (k - 1, k + 1):
        if 1 <= other <= experts.count:
            shares, chosen = top_k_router(logits, other, normalised)
            value = apply_experts(x, shares, chosen, gate, up, down)
            says = f"{{b}} uses {other} experts for a token, {{a}} {k}"
            yield Guess(name="another number of experts", says=says, value=value)
    shares, chosen = top_k_router(logits, k, normalised)
    value = apply_experts(x, shares, chosen, up, gate, down)
    yield Guess(name="gate and up swapped", says="{b} bends the up product of its experts, not the gate", value=value)
