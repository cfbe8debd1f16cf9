"""What may be wrong between the query, key and value products and what the heads bring."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from llm_layers.inspection.causes.attention_core import AttentionCore, core_of
from llm_layers.inspection.causes.guess import MUST_EXPLAIN, Guess, Scene
from llm_layers.inspection.causes.rounding import rounded
from llm_layers.inspection.causes.weights import factor
from llm_layers.inspection.difference import difference

USUAL_BASES = (1e4, 5e5, 1e6, 1e5, 5e3, 1e7)
Variant = tuple[str, str, dict[str, Any]]


def attention_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess which habit of B's attention differs: each is tried on A's products, up to the point where they part."""
    core, part = core_of(scene), scene.part.removeprefix("attention.")
    if core is None:
        return
    right = scene.a.values[scene.point]
    plain = core.points().get(part)
    if plain is not None and scene.describes(plain):
        yield from _best(core, scene, part)
    yield from rounded(right, scene.target, f"the numbers at {scene.point}")
    yield from factor(right, scene.target, f"what is found at {scene.point}")


def _best(core: AttentionCore, scene: Scene, part: str) -> list[Guess]:
    """Give the habits that explain the most points of the block's attention, not only the first that differs.

    The products before are the same in both models, so each point up to what the heads bring can be predicted. At the
    first point several habits may look alike; they part later.
    """
    fitting: list[tuple[int, Guess]] = []
    before = difference(scene.a.values[scene.point], scene.target, 0.0).relative
    for name, says, changes in variants(core, scene):
        points = replace(core, **changes).points()
        if part not in points or _left(scene, points, part) > before / MUST_EXPLAIN:
            continue
        explained = sum(_left(scene, points, other) <= before / MUST_EXPLAIN for other in points)
        fitting.append((explained, Guess(name=name, says=says, value=points[part].to(scene.target.dtype))))
    most = max((explained for explained, _ in fitting), default=0)
    return [guess for explained, guess in fitting if explained == most]


def _left(scene: Scene, points: dict[str, Tensor], part: str) -> float:
    there = scene.b.values.get(scene.full(f"attention.{part}"))
    if there is None or there.shape != points[part].shape:
        return float("inf")
    return difference(points[part], there, 0.0).relative


def variants(core: AttentionCore, scene: Scene) -> Iterator[Variant]:
    """Give name, sentence and settings of every habit that can be tried; those that show first come first."""
    yield from _of_heads(core)
    if core.query_gain is not None:
        yield "norm left out", "{b} does not normalise queries and keys", {"query_gain": None, "key_gain": None}
        if not core.wide:
            yield (
                "norm after rotation",
                "{b} normalises queries and keys after turning them, {a} before",
                {"norm_after": True},
            )
    if core.base is not None:
        yield from _of_rotation(core, scene)
    yield "query and key swapped", "{b} has queries and keys in each other's place", {"exchanged": True}
    yield from _of_mask(core, scene)
    yield from _of_scores(core, scene)


def _of_heads(core: AttentionCore) -> Iterator[Variant]:
    heads = core.query.shape[-1] // core.d_head
    split = "{b} takes number k of head h from place k · heads + h, {a} from h · d_head + k"
    yield "heads split as d_head × heads", split, {"split_by_number": True}
    if core.kv_heads not in (1, heads):
        says = "in {b} key head k serves the query heads k, k + kv_heads, …; in {a} a group of neighbours"
        yield "key heads in tiled order", says, {"tiled": True}
    says = "{b} lays the heads side by side without moving them behind the positions first"
    yield "heads merged without moving them", says, {"heads_not_moved": True}
    for named, what in (("query", "queries"), ("key", "keys and values")):
        flipped = {
            part: _flipped(getattr(core, part), core.d_head)
            for part in (("query",) if named == "query" else ("key", "value"))
        }
        yield "heads reversed", f"{{b}} has the heads of the {what} in the opposite order", flipped


def _flipped(x: Tensor, d_head: int) -> Tensor:
    return x.reshape(*x.shape[:2], -1, d_head).flip(2).reshape(x.shape)


def _of_rotation(core: AttentionCore, scene: Scene) -> Iterator[Variant]:
    says = "{b} turns neighbouring numbers as pairs (2k, 2k + 1), {a} pairs k with k + d_head/2"
    yield "interleaved rotary pairs", says, {"interleaved": True}
    yield "positions not turned", "{b} does not turn queries and keys by their position", {"base": None}
    yield "turned the wrong way", "{b} turns by the opposite angle", {"backwards": True}
    for shift in (1, -1):
        says = f"{{b}} counts the positions of queries and keys from {shift}, {{a}} from 0"
        yield "position off by one", says, {"query_shift": shift, "key_shift": shift}
        where = "one position later" if shift > 0 else "one position earlier"
        says = f"in {{b}} the queries stand {where} than in {{a}}, the keys do not"
        yield "position off by one", says, {"query_shift": shift}
        says = f"in {{b}} the keys stand {where} than in {{a}}, the queries do not"
        yield "position off by one", says, {"key_shift": shift}
    config = scene.config
    implied = (
        implied_base(core, scene.target) if scene.part in ("attention.turned_query", "attention.turned_key") else None
    )
    bases = [implied, config.rope_base, config.local_rope_base, scene.b.config.rope_base, *USUAL_BASES]
    for base in dict.fromkeys(base for base in bases if base is not None and base != core.base):
        says = f"{{b}} turns with the base {base:.6g}, {{a}} with {core.base:.6g}"
        yield "another rotary base", says, {"base": base}
        if core.scaling is not None:
            yield "another rotary base", f"{says}, and does not scale the speeds", {"base": base, "scaling": None}
    for scaling in dict.fromkeys((None, config.rope_scaling, scene.b.config.rope_scaling)):
        if scaling != core.scaling:
            says = f"{{b}} scales the rotary speeds by {scaling}, {{a}} by {core.scaling}"
            yield "another rotary scaling", says, {"scaling": scaling}
    yield "values turned", "{b} turns the values too", {"values_turned": True}


def implied_base(core: AttentionCore, turned: Tensor) -> float | None:
    """Read the rotary base off the angle between a vector at position 1 before and after it was turned."""
    straight = replace(core, base=None).points()[
        "turned_query" if turned.shape[1] == core.query.shape[-1] // core.d_head else "turned_key"
    ]
    if straight.shape != turned.shape or turned.shape[2] < 2 or core.d_head < 4:
        return None
    before, after = (torch.complex(*x[:, :, 1].double().chunk(2, dim=-1)) for x in (straight, turned))
    products = (after * before.conj()).sum(dim=(0, 1))[1:]  # pair 0 turns by one radian whatever the base is
    speeds = products.angle()
    if not bool((speeds > 0).all()):
        return None
    pairs = torch.arange(1, core.d_head // 2, device=turned.device, dtype=torch.float64)
    base = torch.exp((-speeds.log() * core.d_head / (2 * pairs)).median()).item()
    return float(f"{base:.5g}")


def _of_mask(core: AttentionCore, scene: Scene) -> Iterator[Variant]:
    length = core.visible.shape[0]
    distance = torch.arange(length)[:, None] - torch.arange(length)[None, :]
    distance = distance.to(core.visible.device)
    yield (
        "future visible",
        "{b} lets every position see all others, {a} only those before it",
        {"visible": distance > -length},
    )
    says = "{b} lets a position see one position after it"
    yield "mask off by one", says, {"visible": distance >= -1}
    says = "{b} hides a position's own key from it"
    yield "own position hidden", says, {"visible": core.visible & (distance > 0)}
    yield "mask turned round", "{b} lets a position see those after it, not those before", {"visible": distance <= 0}
    window = scene.config.window_of(scene.layer or 0)
    if window is not None:
        yield "window left out", f"{{b}} sees all positions before, {{a}} the last {window}", {"visible": distance >= 0}
    around = () if window is None else (window + 1, window - 1)
    for other in dict.fromkeys((*around, scene.config.window, scene.b.config.window)):
        if other is not None and other != window and other > 0:
            close = window is not None and abs(other - window) == 1
            says = f"{{b}} sees the last {other} positions, {{a}} {'all' if window is None else f'the last {window}'}"
            name = "window off by one" if close else "another window"
            yield name, says, {"visible": (distance >= 0) & (distance < other)}
    says = "{b} strikes out hidden shares after the softmax, so that the rest no longer add up to one"
    yield "mask after the softmax", says, {"mask_late": True}


def _of_scores(core: AttentionCore, scene: Scene) -> Iterator[Variant]:
    config = scene.config
    scales = {
        1.0: " (they are not scaled)",
        1.0 / core.d_head: " (1/d_head)",
        core.d_head**-0.5: " (1/√d_head)",
        config.d_model**-0.5: " (1/√d_model)",
        (config.heads * config.d_head) ** -0.5: " (1/√(heads · d_head))",
        config.heads**-0.5: " (1/√heads)",
        core.scale**2: " (scaled twice)",
    }
    if (fitted := _fitted_scale(core, scene)) is not None:
        scales.setdefault(fitted, "")
    for scale, words in scales.items():
        if abs(scale / core.scale - 1) > 1e-6:
            says = f"{{b}} multiplies the scores by {scale:.5g}{words}, {{a}} by {core.scale:.5g}"
            yield "another score scale", says, {"scale": scale}
    if core.cap is not None:
        yield "score cap left out", f"{{b}} does not hold the scores within ±{core.cap:g}", {"cap": None}
    for cap in (scene.b.config.attn_logit_softcap, 50.0, 30.0):
        if cap is not None and cap != core.cap:
            yield "score cap", f"{{b}} holds the scores within ±{cap:g}, {{a}} does not", {"cap": cap}
    for dtype in (torch.bfloat16, torch.float16):
        name = str(dtype).removeprefix("torch.")
        says = f"{{b}} rounds the shares to {name} before they weigh the values"
        yield f"rounded to {name}", says, {"shares_type": dtype}
    yield (
        "softmax over the queries",
        "in {b} the shares of a key add up to one, not those of a query",
        {"over_queries": True},
    )


def _fitted_scale(core: AttentionCore, scene: Scene) -> float | None:
    """Fit the scale to the scores, where they are there to be seen."""
    if scene.part != "attention.scores" or core.cap is not None:
        return None
    a, b = scene.a.values[scene.point].double(), scene.target.double()
    ratio = ((a * b).sum() / (a * a).sum().clamp(min=1e-300)).item()
    return core.scale * ratio if ratio > 0 else None
