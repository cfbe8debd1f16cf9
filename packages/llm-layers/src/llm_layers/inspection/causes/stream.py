"""What may be wrong with the stream: how it starts, and what is added to it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from llm_layers.inspection.causes.guess import Guess, Scene
from llm_layers.inspection.causes.rounding import rounded
from llm_layers.inspection.causes.weights import factor


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
