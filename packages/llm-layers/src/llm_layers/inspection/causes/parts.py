"""The parts of a model around a mismatch, each computed by the package's own functions."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from llm_layers.inspection.causes.attention import attention_part
from llm_layers.inspection.causes.epsilon import epsilon_setting
from llm_layers.inspection.causes.exchange import Part, Tensors, Use
from llm_layers.inspection.causes.hypothesis import Mismatch, head_of
from llm_layers.inspection.flow import NORMS, PRODUCTS
from llm_layers.layers.activation import gelu_tanh, relu_squared, silu
from llm_layers.layers.attention import soft_cap
from llm_layers.layers.embedding import embedding, tied_head
from llm_layers.layers.feed_forward import geglu, gelu_feed_forward, relu_squared_feed_forward, swiglu
from llm_layers.layers.linear import linear
from llm_layers.layers.mixture_of_experts import apply_experts, mixture_of_experts, top_k_router
from llm_layers.layers.norm import layer_norm, rms_norm
from llm_layers.layers.position import learned_positions

FEED_FORWARD: dict[str, tuple[Callable[..., Tensor], Callable[[Tensor], Tensor]]] = {
    "swiglu": (swiglu, silu),
    "geglu": (geglu, gelu_tanh),
    "gelu": (gelu_feed_forward, gelu_tanh),
    "relu_squared": (relu_squared_feed_forward, relu_squared),
}
"""Design -> the function of the whole part, and the activation inside it."""


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


def _known(mismatch: Mismatch, *names: str) -> Tensors | None:
    """Return points and weights of the mismatch's block under their full names; None where one is missing."""
    found = {}
    for name in names:
        x = mismatch.value(name)
        x = mismatch.weight(name) if x is None else x
        if x is None:
            return None
        found[mismatch.full(name)] = x
    return found


def _start(mismatch: Mismatch) -> Iterator[Part]:
    config, ids = mismatch.config, mismatch.a.ids
    inputs = {name: x for name, x in mismatch.a.weights.items() if name in ("embedding.table", "positions.table")}
    positions, root = torch.arange(ids.shape[1], device=ids.device), config.d_model**0.5
    right = root if config.design.scaled_embedding else 1.0

    def compute(use: Use, t: Tensors, scale: float = right, learned: bool = True) -> Tensors:
        rows = use(embedding)(ids, t["embedding.table"])
        x = rows if scale == 1.0 else rows * scale
        if learned and "positions.table" in t:
            x = use(learned_positions)(x, t["positions.table"], positions)
        return {"embedding": rows, "blocks.0.resid_pre": x}

    scales = ((1.0, "as it is"), (root, "times √d_model"), (1 / root, "divided by √d_model"), (root**2, "times d_model"))
    settings: list[tuple[str, str, dict[str, Any]]] = [
        ("embedding scale", f"{{b}} takes the embedding {words}, {{a}} does not", {"scale": scale})
        for scale, words in scales
        if scale != right
    ]
    if "positions.table" in inputs:
        settings.append(("positions left out", "{b} adds no position vectors", {"learned": False}))
    yield Part(inputs=inputs, compute=compute, last="blocks.0.resid_pre", settings=tuple(settings))
    # The embedding alone: where the stream starts with something else, its own gradient shows a mistake.
    yield Part(
        inputs={"embedding.table": inputs["embedding.table"]},
        compute=lambda use, t: {"embedding": use(embedding)(ids, t["embedding.table"])},
        last="embedding",
    )


def _norm(mismatch: Mismatch, name: str, source: str) -> Iterator[Part]:
    inputs = _known(mismatch, source, f"{name}.gain")
    if inputs is None:
        return
    config, full = mismatch.config, mismatch.full(name)
    x, gain, bias = mismatch.full(source), f"{full}.gain", f"{full}.bias"
    inputs |= {bias: mismatch.a.weights[bias]} if bias in mismatch.a.weights else {}
    offset = 1.0 if config.design.norm == "rms_unit_offset" else 0.0

    def compute(use: Use, t: Tensors, eps: float = config.norm_eps) -> Tensors:
        if config.design.norm == "layer":
            return {full: use(layer_norm)(t[x], t[gain], t.get(bias), eps)}
        return {full: use(rms_norm)(t[x], t[gain] + offset, eps)}

    settings = epsilon_setting(mismatch, full, inputs[x], inputs[gain] + offset, inputs.get(bias))
    yield Part(inputs=inputs, compute=compute, last=full, settings=settings)


def _product(mismatch: Mismatch, name: str) -> Iterator[Part]:
    layer = "feed_forward.down" if name == "feed_forward.output" else name
    weight = mismatch.weight(f"{layer}.weight")
    sources = [source for source in PRODUCTS[name] if mismatch.value(source) is not None]
    if weight is None or not sources:
        return
    full, x, bias = mismatch.full(name), mismatch.full(sources[0]), mismatch.full(f"{layer}.bias")
    w = mismatch.full(f"{layer}.weight")
    inputs = {x: mismatch.value(sources[0]), w: weight}
    inputs |= {bias: mismatch.a.weights[bias]} if bias in mismatch.a.weights else {}

    def compute(use: Use, t: Tensors, x: Tensor | None = None, weight: Tensor | None = None) -> Tensors:
        x = t[mismatch.full(sources[0])] if x is None else x
        return {full: use(linear)(x, t[w] if weight is None else weight, t.get(bias))}

    settings: list[tuple[str, str, dict[str, Any]]] = [
        ("norm left out", f"{{b}} reads {other} at {full}, {{a}} {sources[0]}", {"x": mismatch.value(other)})
        for other in sources[1:]
    ]
    for other, there in mismatch.a.weights.items():
        if other.startswith(mismatch.full("")) and other != w and there.shape == weight.shape:
            settings.append(("another weight", f"{{b}} multiplies by {other} at {full}", {"weight": there}))
    yield Part(inputs=inputs, compute=compute, last=full, settings=tuple(settings))


def _feed_forward(mismatch: Mismatch) -> Iterator[Part]:
    whole, activation = FEED_FORWARD[mismatch.config.design.feed_forward]
    gate, up, post, output = (mismatch.full(f"feed_forward.{part}") for part in ("gate", "up", "post", "output"))
    products = [part for part in ("gate", "up") if mismatch.value(f"feed_forward.{part}") is not None]
    down = mismatch.weight("feed_forward.down.weight")
    inputs = _known(mismatch, *(f"feed_forward.{part}" for part in products))
    if not inputs or down is None:
        return

    def inside(use: Use, t: Tensors) -> Tensors:
        inner = use(activation)(t[gate]) * t[up] if gate in t else use(activation)(t[up])
        return {post: inner, output: F.linear(inner, down, mismatch.weight("feed_forward.down.bias"))}

    yield Part(inputs=inputs, compute=inside, last=output)
    source = "feed_forward_norm" if mismatch.value("feed_forward_norm") is not None else "resid_mid"
    kinds = ("weight",) if len(products) == 2 else ("weight", "bias")
    names = [f"feed_forward.{part}.{kind}" for part in (*products, "down") for kind in kinds]
    if len(products) == 1:  # no part has a bias, or all have
        names = [name for name in names if mismatch.weight(name) is not None]
    weights = _known(mismatch, source, *names)
    if weights is not None:
        yield Part(inputs=weights, compute=lambda use, t: {output: use(whole)(*t.values())}, last=output)


def _experts(mismatch: Mismatch) -> Iterator[Part]:
    experts = mismatch.config.experts
    stem = "feed_forward."
    inputs = _known(mismatch, "feed_forward_norm", f"{stem}router", *(f"{stem}{part}" for part in ("gate", "up", "down")))
    router, output = mismatch.weight(f"{stem}router.weight"), mismatch.full(f"{stem}output")
    if inputs is None or experts is None or router is None:
        return

    def compute(use: Use, t: Tensors, k: int = experts.per_token) -> Tensors:
        x, logits, *weights = t.values()
        together = use(mixture_of_experts)
        if together is not mixture_of_experts:
            return {output: together(x, router, *weights, k, experts.normalised)}
        return {output: apply_experts(x, *use(top_k_router)(logits, k, experts.normalised), *weights)}

    more = experts.per_token + 1
    says = f"{{b}} uses {more} experts for a token, {{a}} {experts.per_token}"
    settings = (("one expert too many", says, {"k": more}),) if more <= experts.count else ()
    yield Part(inputs=inputs, compute=compute, last=output, settings=settings)


def _sums(mismatch: Mismatch) -> Iterator[Part]:
    """Return the sums that make the residual stream at the mismatch, and those that read it."""
    values, layers = mismatch.a.values, mismatch.config.layers
    layer = layers if mismatch.layer is None else mismatch.layer
    for at in (layer - 1, layer):
        block, following = f"blocks.{at}.", f"blocks.{at + 1}.resid_pre" if at + 1 < layers else "resid_post"
        for before, branch, norm, after in (
            (f"{block}resid_pre", f"{block}attention.output", f"{block}attention_norm", f"{block}resid_mid"),
            (f"{block}resid_mid", f"{block}feed_forward.output", f"{block}feed_forward_norm", following),
        ):
            normed = branch.rpartition(".")[0] + "_output_norm"
            branch = normed if normed in values else branch
            if {before, branch, after} <= values.keys():
                yield _sum(mismatch, before, branch, norm, after)


def _sum(mismatch: Mismatch, before: str, branch: str, norm: str, after: str) -> Part:
    values = mismatch.a.values
    x, y, target = values[before], values[branch], mismatch.b.values.get(after, values[after])

    def compute(use: Use, t: Tensors, stream: Any = 1.0, part: Any = 1.0, onto: str = before) -> Tensors:
        return {after: stream * (t[before] if onto == before else values[onto]) + part * t[branch]}

    settings: list[tuple[str, str, dict[str, Any]]] = [
        ("residual left out", f"{{b}} does not add the stream at {after}", {"stream": 0.0}),
        ("branch left out", f"{{b}} does not add the branch at {after}", {"part": 0.0}),
    ]
    if norm in values:
        says = f"{{b}} adds the branch to the output of the norm, {{a}} to the stream itself, at {after}"
        settings.append(("added to the norm", says, {"onto": norm}))
    c = ((target - x) * y).sum() / (y * y).sum().clamp(min=1e-300)
    settings.append(("branch scaled", f"{{b}} adds {c.item():.5g} times the branch at {after}", {"part": c}))
    c = ((target - y) * x).sum() / (x * x).sum().clamp(min=1e-300)
    settings.append(("stream scaled", f"{{b}} adds the branch to {c.item():.5g} times the stream at {after}", {"stream": c}))
    return Part(inputs={before: x, branch: y}, compute=compute, last=after, settings=tuple(settings))


def _head(mismatch: Mismatch) -> Iterator[Part]:
    states, config, weights = mismatch.a.values.get("final_norm"), mismatch.config, mismatch.a.weights
    if states is None:
        return
    name = "head.weight" if "head.weight" in weights else "embedding.table"
    cap = config.final_logit_softcap

    def compute(use: Use, t: Tensors, cap: float | None = cap, weight: Tensor | None = None, x: Tensor | None = None) -> Tensors:
        states, weight = t["final_norm"] if x is None else x, t[name] if weight is None else weight
        y = use(linear)(states, weight, None) if name == "head.weight" else use(tied_head)(states, weight)
        return {"logits": y if cap is None else use(soft_cap)(y, cap)}

    settings: list[tuple[str, str, dict[str, Any]]] = []
    if name == "head.weight":
        says = "{b} takes the embedding table for its head, {a} a weight of its own"
        settings.append(("head tied to the embedding", says, {"weight": weights["embedding.table"]}))
    for other in (mismatch.b.config.final_logit_softcap, 30.0):
        if other is not None and other != cap:
            settings.append(("another logit cap", f"{{b}} caps the logits at ±{other:g}, {{a}} at {cap}", {"cap": other}))
    if (stream := mismatch.a.values.get("resid_post")) is not None:
        settings.append(("norm left out", "{b} leaves the last norm out", {"x": stream}))
    yield Part(inputs={"final_norm": states, name: head_of(mismatch.a)}, compute=compute, last="logits", settings=tuple(settings))
