"""The parts of a model around a mismatch, each computed by the package's own functions."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from llm_layers.inspection.causes.attention import attention_part, epsilon_settings
from llm_layers.inspection.causes.exchange import Part, Setting, Tensors, Use
from llm_layers.inspection.causes.hypothesis import Mismatch
from llm_layers.inspection.flow import NORMS, PRODUCTS
from llm_layers.layers.mixture_of_experts import apply_experts

FEED_FORWARD = {
    "swiglu": ("swiglu", "silu"),
    "geglu": ("geglu", "gelu_tanh"),
    "gelu": ("gelu_feed_forward", "gelu_tanh"),
    "relu_squared": ("relu_squared_feed_forward", "relu_squared"),
}
"""Design -> the contract of the whole part, and of the activation inside it."""


def parts_at(mismatch: Mismatch) -> Iterator[Part]:
    """Return the parts of the mismatch's block, or those outside the blocks, that A shows."""
    if mismatch.layer is None or mismatch.point == "blocks.0.resid_pre":
        yield from _start(mismatch)
    if mismatch.layer is None:
        yield from _norm(mismatch, "final_norm", "resid_post")
        yield from _head(mismatch)
    else:
        for name, source in NORMS.items():
            yield from _norm(mismatch, name, source)
        for name in PRODUCTS:
            yield from _product(mismatch, name)
        yield from attention_part(mismatch)
        yield from _experts(mismatch) if mismatch.config.experts else _feed_forward(mismatch)
    yield from _sums(mismatch)


def _known(mismatch: Mismatch, *names: str, optional: tuple[str, ...] = ()) -> Tensors:
    """Return points and weights of the mismatch's block under their full names; nothing where one is missing."""
    found = {}
    for name in (*names, *optional):
        x = mismatch.value(name)
        x = mismatch.weight(name) if x is None else x
        if x is not None:
            found[mismatch.full(name)] = x
        elif name in names:
            return {}
    return found


def _start(mismatch: Mismatch) -> Iterator[Part]:
    config, ids = mismatch.config, mismatch.a.ids
    tables = {name: x for name, x in mismatch.a.weights.items() if name in ("embedding.table", "positions.table")}
    places, root = torch.arange(ids.shape[1], device=ids.device), config.d_model**0.5
    own = root if config.design.scaled_embedding else 1.0

    def compute(use: Use, t: Tensors, scale: float = own, learned: bool = True) -> Tensors:
        rows = use("embedding")(ids, t["embedding.table"])
        x = rows if scale == 1.0 else rows * scale
        if learned and "positions.table" in t:
            x = use("learned_positions")(x, t["positions.table"], places)
        return {"embedding": rows, "blocks.0.resid_pre": x}

    settings: list[Setting] = [
        ("embedding scale", f"{{b}} multiplies the embedding by {scale:.5g}, {{a}} by {own:.5g}", {"scale": scale})
        for scale in (1.0, root, 1 / root, root**2)
        if scale != own
    ]
    if "positions.table" in tables:
        settings.append(("positions left out", "{b} adds no position vectors", {"learned": False}))
    yield Part(inputs=tables, compute=compute, last="blocks.0.resid_pre", settings=tuple(settings))


def _norm(mismatch: Mismatch, name: str, source: str) -> Iterator[Part]:
    inputs = _known(mismatch, source, f"{name}.gain", optional=(f"{name}.bias",))
    if not inputs:
        return
    config, full = mismatch.config, mismatch.full(name)
    offset = 1.0 if config.design.norm == "rms_unit_offset" else 0.0

    def compute(use: Use, t: Tensors, eps: float = config.norm_eps) -> Tensors:
        x, gain, *bias = t.values()
        if config.design.norm == "layer":
            return {full: use("layer_norm")(x, gain, bias[0] if bias else None, eps)}
        return {full: use("rms_norm")(x, gain + offset, eps)}

    x, gain, *bias = inputs.values()
    settings = epsilon_settings(mismatch, full, x, gain + offset, *bias)
    yield Part(inputs=inputs, compute=compute, last=full, settings=tuple(settings))


def _product(mismatch: Mismatch, name: str) -> Iterator[Part]:
    layer, full = "feed_forward.down" if name == "feed_forward.output" else name, mismatch.full(name)
    sources = [source for source in PRODUCTS[name] if mismatch.value(source) is not None]
    inputs = _known(mismatch, *sources[:1], f"{layer}.weight", optional=(f"{layer}.bias",)) if sources else {}
    if not inputs:
        return

    def compute(use: Use, t: Tensors, **other: Tensor) -> Tensors:
        x, weight, *bias = t.values()
        return {full: use("linear")(other.get("x", x), other.get("weight", weight), bias[0] if bias else None)}

    settings: list[Setting] = [
        ("norm left out", f"{{b}} reads {source} at {full}, {{a}} {sources[0]}", {"x": mismatch.value(source)})
        for source in sources[1:]
    ]
    for other, weight in mismatch.a.weights.items():
        if other.startswith(mismatch.full("")) and other not in inputs:
            settings.append(("another weight", f"{{b}} multiplies by {other} at {full}", {"weight": weight}))
    yield Part(inputs=inputs, compute=compute, last=full, settings=tuple(settings))


def _feed_forward(mismatch: Mismatch) -> Iterator[Part]:
    whole, activation = FEED_FORWARD[mismatch.config.design.feed_forward]
    stem, gated = "feed_forward.", whole in ("swiglu", "geglu")
    post, output = mismatch.full(f"{stem}post"), mismatch.full(f"{stem}output")
    products = [f"{stem}gate", f"{stem}up"] if gated else [f"{stem}up"]
    down, bias = mismatch.weight(f"{stem}down.weight"), mismatch.weight(f"{stem}down.bias")
    inputs = _known(mismatch, *products)
    if not inputs or down is None:
        return

    def inside(use: Use, t: Tensors) -> Tensors:
        first, *up = t.values()
        inner = use(activation)(first) * up[0] if up else use(activation)(first)
        return {post: inner, output: F.linear(inner, down, bias)}

    yield Part(inputs=inputs, compute=inside, last=output)
    source = "resid_mid" if mismatch.value("feed_forward_norm") is None else "feed_forward_norm"
    kinds = ("weight",) if bias is None else ("weight", "bias")
    weights = _known(mismatch, source, *(f"{part}.{kind}" for part in (*products, f"{stem}down") for kind in kinds))
    yield Part(inputs=weights, compute=lambda use, t: {output: use(whole)(*t.values())}, last=output)


def _experts(mismatch: Mismatch) -> Iterator[Part]:
    experts, stem = mismatch.config.experts, "feed_forward."
    router, output = mismatch.full(f"{stem}router"), mismatch.full(f"{stem}output")
    names = (f"{stem}router.weight", *(f"{stem}{part}" for part in ("gate", "up", "down")))
    inputs = _known(mismatch, "feed_forward_norm", *names)
    if not inputs or experts is None:
        return

    def compute(use: Use, t: Tensors, k: int = experts.per_token) -> Tensors:
        x, weight, *weights = t.values()
        if use.exchanges("mixture_of_experts"):
            return {output: use("mixture_of_experts")(x, weight, *weights, k, experts.norm_topk_prob)}
        logits = F.linear(x, weight)
        chosen = use("top_k_router")(logits, k, experts.norm_topk_prob)
        return {router: logits, output: apply_experts(x, *chosen, *weights)}

    more = min(experts.per_token + 1, experts.count)
    says = f"{{b}} uses {more} experts for a token, {{a}} {experts.per_token}"
    yield Part(inputs=inputs, compute=compute, last=output, settings=(("one expert too many", says, {"k": more}),))


def _sums(mismatch: Mismatch) -> Iterator[Part]:
    """Return the sums that make the residual stream at the mismatch, and those that read it."""
    values, layers = mismatch.a.values, mismatch.config.layers
    layer = layers if mismatch.layer is None else mismatch.layer
    for at in (layer - 1, layer):
        block, following = f"blocks.{at}.", f"blocks.{at + 1}.resid_pre" if at + 1 < layers else "resid_post"
        for before, part, after in (
            (f"{block}resid_pre", f"{block}attention", f"{block}resid_mid"),
            (f"{block}resid_mid", f"{block}feed_forward", following),
        ):
            branch = f"{part}_output_norm" if f"{part}_output_norm" in values else f"{part}.output"
            if {before, branch, after} <= values.keys():
                yield _sum(mismatch, before, branch, f"{part}_norm", after)


def _sum(mismatch: Mismatch, before: str, branch: str, norm: str, after: str) -> Part:
    values = mismatch.a.values
    x, y, target = values[before], values[branch], mismatch.b.values.get(after, values[after])

    def compute(use: Use, t: Tensors, stream: Any = 1.0, scale: Any = 1.0, onto: Tensor | None = None) -> Tensors:
        return {after: stream * (t[before] if onto is None else onto) + scale * t[branch]}

    of_y = ((target - x) * y).sum() / (y * y).sum().clamp(min=1e-300)
    of_x = ((target - y) * x).sum() / (x * x).sum().clamp(min=1e-300)
    settings: list[Setting] = [
        ("residual left out", f"{{b}} does not add the stream at {after}", {"stream": 0.0}),
        ("branch left out", f"{{b}} does not add the branch at {after}", {"scale": 0.0}),
        (
            "added to the norm",
            f"{{b}} adds the branch to the output of the norm at {after}",
            {"onto": values.get(norm)},
        ),
        ("branch scaled", f"{{b}} adds {of_y:.5g} times the branch at {after}", {"scale": of_y}),
        ("stream scaled", f"{{b}} adds the branch to {of_x:.5g} times the stream at {after}", {"stream": of_x}),
    ]
    return Part(inputs={before: x, branch: y}, compute=compute, last=after, settings=tuple(settings))


def _head(mismatch: Mismatch) -> Iterator[Part]:
    states, config, weights = mismatch.a.values.get("final_norm"), mismatch.config, mismatch.a.weights
    if states is None:
        return
    tied, own = "head.weight" not in weights, config.final_logit_softcap

    def compute(use: Use, t: Tensors, cap: float | None = own, **other: Any) -> Tensors:
        x, weight = t.values()
        x, weight = other.get("x", x), other.get("weight", weight)
        y = use("tied_head")(x, weight) if tied else use("linear")(x, weight, None)
        return {"logits": y if cap is None else use("soft_cap")(y, cap)}

    settings: list[Setting] = [
        ("norm left out", "{b} has no last norm", {"x": mismatch.a.values.get("resid_post", states)})
    ]
    if not tied:
        says = "{b} takes the embedding table for its head, {a} a weight of its own"
        settings.append(("head tied to the embedding", says, {"weight": weights["embedding.table"]}))
    for cap in dict.fromkeys((mismatch.b.config.final_logit_softcap, 30.0)):
        if cap is not None and cap != own:
            settings.append(("another logit cap", f"{{b}} caps the logits at ±{cap:g}, {{a}} at {own}", {"cap": cap}))
    inputs = {"final_norm": states, "embedding.table" if tied else "head.weight": mismatch.a.head_weight}
    yield Part(inputs=inputs, compute=compute, last="logits", settings=tuple(settings))
