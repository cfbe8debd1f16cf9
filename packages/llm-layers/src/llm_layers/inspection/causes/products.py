"""What may be wrong with a product with a weight, an activation, or a sum with the stream."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from llm_layers.attention import soft_cap
from llm_layers.experts import apply_experts, top_k_router
from llm_layers.inspection.causes.guess import Guess, Scene
from llm_layers.inspection.causes.rounding import rounded
from llm_layers.inspection.causes.weights import factor

# Product -> what it reads.
SOURCES = {
    **{f"attention.{part}": ("attention_norm", "stream") for part in ("query", "key", "value")},
    "attention.output": ("attention.gathered",),
    **{f"feed_forward.{part}": ("feed_forward_norm", "between") for part in ("gate", "up", "router")},
    "feed_forward.output": ("feed_forward.inner",),
}
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


def product_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess what B does with the right input and the right weight."""
    right = scene.a.values[scene.point]
    sources = [x for x in map(scene.value, SOURCES.get(scene.part, ())) if x is not None]
    weight, bias = scene.weight(f"{scene.part}.weight"), scene.weight(f"{scene.part}.bias")
    if scene.part == "feed_forward.output":
        weight, bias = scene.weight("feed_forward.down.weight"), scene.weight("feed_forward.down.bias")
    if sources and weight is not None:
        yield from _of_product(scene, sources, weight, bias)
    yield from rounded(right, scene.target, f"the numbers at {scene.point}")
    yield from factor(right, scene.target, f"what is found at {scene.point}")


def _of_product(scene: Scene, sources: list[Tensor], weight: Tensor, bias: Tensor | None) -> Iterator[Guess]:
    x, point = sources[0], scene.point
    if not scene.describes(F.linear(x, weight, bias)):
        return
    if bias is not None:
        yield Guess(name="bias missing", says=f"{{b}} adds no bias at {point}", value=F.linear(x, weight))
        yield Guess(
            name="bias added twice", says=f"{{b}} adds the bias twice at {point}", value=F.linear(x, weight, 2 * bias)
        )
    if weight.shape[0] == weight.shape[1]:
        says = f"{{b}} multiplies with the transposed weight at {point}"
        yield Guess(name="transposed weight", says=says, value=F.linear(x, weight.T, bias))
    for skipped in sources[1:]:
        says = f"{{b}} reads the stream at {point}, {{a}} what the norm makes of it"
        yield Guess(name="norm left out", says=says, value=F.linear(skipped, weight, bias))
    for other, there in scene.a.weights.items():
        if other.startswith(f"blocks.{scene.layer}.") and there is not weight and there.shape == weight.shape:
            says = f"{{b}} multiplies with {other} at {point}"
            words = {scene.part.split(".")[-1], other.split(".")[-2]}
            name = (
                "gate and up swapped"
                if words == {"gate", "up"}
                else "query and key swapped"
                if words == {"query", "key"}
                else "another weight"
            )
            yield Guess(name=name, says=says, value=F.linear(x, there, bias))


def inner_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess which activation B has between its feed-forward products, and on which of the two."""
    gate, up = scene.value("feed_forward.gate"), scene.value("feed_forward.up")
    right, mine = scene.a.values[scene.point], OURS[scene.config.design.feed_forward]
    plain = None if up is None else ACTIVATIONS[mine](up) if gate is None else ACTIVATIONS[mine](gate) * up
    if plain is None or not scene.describes(plain):
        up = gate = None
    if up is not None and gate is not None:
        says = "{b} bends the up product and multiplies it with the gate, {a} bends the gate"
        yield Guess(name="gate and up swapped", says=says, value=ACTIVATIONS[mine](up) * gate)
    for name, activation in ACTIVATIONS.items():
        says = f"{{b}} has {name} in {scene.full('feed_forward')}, {{a}} has {mine}"
        if up is not None:
            value = activation(up) if gate is None else activation(gate) * up
            yield Guess(name="another activation", says=says, value=value)
    if up is not None and gate is not None:
        yield Guess(
            name="gate left out", says="{b} has no gate: it bends the up product alone", value=ACTIVATIONS[mine](up)
        )
    yield from rounded(right, scene.target, f"the numbers at {scene.point}")
    yield from factor(right, scene.target, f"what is found at {scene.point}")


def expert_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess how B chooses its experts and weighs their answers."""
    experts, x = scene.config.experts, scene.value("feed_forward_norm")
    logits = scene.value("feed_forward.router")
    gate, up, down = (scene.weight(f"feed_forward.{part}") for part in ("gate", "up", "down"))
    if experts is None or x is None or logits is None or gate is None or up is None or down is None:
        return
    normalised, k = experts.normalised, experts.per_token
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


def sum_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess what B adds up where A adds a branch to the stream."""
    before, branch, normed = _summands(scene)
    right = scene.a.values[scene.point]
    if before is None or branch is None or not scene.describes(before + branch):
        return
    yield Guess(name="residual left out", says=f"{{b}} does not add the stream at {scene.point}", value=branch)
    yield Guess(name="branch left out", says=f"{{b}} does not add the branch at {scene.point}", value=before)
    if normed is not None:
        says = f"{{b}} adds the branch to what the norm gave, {{a}} to the stream itself, at {scene.point}"
        yield Guess(name="added to the norm", says=says, value=normed + branch)
    weight = ((scene.target - before) * branch).sum() / (branch * branch).sum().clamp(min=1e-300)
    says = f"{{b}} adds {weight.item():.5g} times the branch at {scene.point}"
    yield Guess(name="branch scaled", says=says, value=before + weight * branch)
    weight = ((scene.target - branch) * before).sum() / (before * before).sum().clamp(min=1e-300)
    says = f"{{b}} adds the branch to {weight.item():.5g} times the stream at {scene.point}"
    yield Guess(name="stream scaled", says=says, value=weight * before + branch)
    yield from rounded(right, scene.target, f"the numbers at {scene.point}")
    yield from factor(right, scene.target, f"what is found at {scene.point}")


def _summands(scene: Scene) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Give the stream before a sum, the branch that is added, and what the branch read; all of A."""
    values = scene.a.values
    if scene.part == "between":
        stem, norm, branch = scene.full(""), "attention_norm", ("attention_output_norm", "attention.output")
        before = values.get(f"{stem}stream")
    else:
        last = scene.config.layers - 1 if scene.layer is None else scene.layer - 1
        stem, norm, branch = f"blocks.{last}.", "feed_forward_norm", ("feed_forward_output_norm", "feed_forward.output")
        before = values.get(f"{stem}between")
    found = [values[f"{stem}{name}"] for name in branch if f"{stem}{name}" in values]
    return before, found[0] if found else None, values.get(f"{stem}{norm}")


def start_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess how B makes the stream that enters the first block, or looks up its rows."""
    config, ids = scene.config, scene.a.ids
    table, positions = scene.a.weights["embedding.table"], scene.a.weights.get("positions.table")
    rows, root = table[ids], config.d_model**0.5
    right = scene.a.values[scene.point]
    mine = root if config.design.scaled_embedding and scene.point != "embedding" else 1.0
    places = torch.arange(ids.shape[1], device=ids.device)
    added = 0.0 if positions is None or scene.point == "embedding" else positions[places]
    if not scene.describes(rows * mine + added):
        return
    for scale, words in (
        (1.0, "as it is"),
        (root, "times √d_model"),
        (1 / root, "divided by √d_model"),
        (root * root, "times d_model"),
    ):
        if scale != mine:
            value = rows * scale + added
            says = f"{{b}} takes the embedding {words}, {{a}} {'times √d_model' if mine == root else 'as it is'}"
            yield Guess(name="embedding scale", says=says, value=value)
    if positions is not None and scene.point != "embedding":
        yield Guess(name="positions left out", says="{b} adds no position vectors", value=rows * mine)
        for shift in (1, 2, -1):
            value = rows * mine + positions[(places + shift).clamp(0, len(positions) - 1)]
            says = f"{{b}} takes the vector of position p {'+' if shift > 0 else '-'} {abs(shift)} at position p"
            yield Guess(
                name="position off by one" if abs(shift) == 1 else "position off by two", says=says, value=value
            )
    for shift in (1, -1):
        says = f"{{b}} looks up the row of id {'+' if shift > 0 else '-'} 1"
        yield Guess(
            name="rows shifted",
            says=says,
            value=table[(ids + shift) % len(table)] if scene.point == "embedding" else None,
        )
    yield from rounded(right, scene.target, f"the numbers at {scene.point}")
    yield from factor(right, scene.target, f"what is found at {scene.point}")


def logit_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess what B does with the last states."""
    states, config, right = scene.a.values.get("final_norm"), scene.config, scene.a.values["logits"]
    if states is not None:
        plain = F.linear(states, scene.head)
        table = scene.a.weights["embedding.table"]
        capped = plain if config.logit_cap is None else soft_cap(plain, config.logit_cap)
        if not scene.describes(capped):
            return
        if "head.weight" in scene.a.weights:
            says = "{b} takes the embedding table for its head, {a} a weight of its own"
            yield Guess(name="head tied to the embedding", says=says, value=F.linear(states, table))
        if config.logit_cap is not None:
            yield Guess(
                name="logit cap left out",
                says=f"{{b}} does not hold the logits within ±{config.logit_cap:g}",
                value=plain,
            )
        for cap in (scene.b.config.logit_cap, 30.0):
            if cap is not None and cap != config.logit_cap:
                yield Guess(
                    name="logit cap",
                    says=f"{{b}} holds the logits within ±{cap:g}, {{a}} does not",
                    value=soft_cap(plain, cap),
                )
        if (stream := scene.a.values.get("stream")) is not None:
            yield Guess(name="norm left out", says="{b} leaves the last norm out", value=F.linear(stream, scene.head))
        yield from rounded(capped, scene.target, "the logits")
    yield from factor(right, scene.target, "what is found at logits")
