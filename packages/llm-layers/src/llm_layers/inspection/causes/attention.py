"""A block's attention, from its projections to the outputs of its heads, and settings that may be wrong in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from llm_layers.inspection.causes.exchange import Part, Setting, Tensors, Use, contract_function
from llm_layers.inspection.causes.hypothesis import Mismatch
from llm_layers.inspection.recording import SoftmaxCalls
from llm_layers.layers.rotary import Rotation, rotary, rotary_angles, rotary_interleaved

USUAL_BASES = (1e4, 5e5, 1e6, 1e5, 5e3, 1e7)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a block's attention computes: A's own settings, any of which B may have otherwise."""

    stem: str
    d_head: int
    positions: Tensor
    offset: float
    wide: bool
    normed: str = "before rotation"
    eps: float
    base: float | None
    scaling: Any
    rotate: Callable[[Tensor, Rotation], Tensor] = rotary
    stretch: float
    window: int | None
    factor: float = 1.0
    cap: float | None
    weights_in: torch.dtype | None = None


def attention_part(mismatch: Mismatch) -> Iterator[Part]:
    """Return the attention of the mismatch's block, unless A does not show its projections."""
    stem, shape = mismatch.full("attention."), _shape(mismatch)
    products = {f"{stem}{name}": mismatch.value(f"attention.{name}") for name in ("query", "key", "value")}
    gains = {f"{stem}{name}_norm.gain": mismatch.weight(f"attention.{name}_norm.gain") for name in ("query", "key")}
    inputs = {name: x for name, x in (products | gains).items() if x is not None}
    if not products.keys() <= inputs.keys():
        return
    settings = [*_score_settings(mismatch, shape.window)]
    if shape.base is not None:
        settings += _rotary_settings(mismatch, shape.base, shape.scaling)
    if f"{stem}query_norm.gain" in inputs:
        settings.append(("norm left out", "{b} does not normalize queries and keys", {"normed": "never"}))
        says = "{b} normalizes queries and keys after rotating them, {a} before"
        settings.append(("norm after rotation", says, {"normed": "after rotation"}))
        for name in () if shape.wide else ("query", "key"):
            x, gain = _in_heads(inputs[stem + name], shape.d_head), inputs[f"{stem}{name}_norm.gain"] + shape.offset
            settings += epsilon_settings(mismatch, f"{stem}{name}_norm", x, gain)
    compute = partial(_points, shape)
    yield Part(inputs=inputs, compute=compute, last=f"{stem}z", settings=tuple(settings))


def _shape(mismatch: Mismatch) -> Shape:
    config = mismatch.config
    window = config.window_of(mismatch.layer or 0)
    local = window is not None and config.local_rope_base is not None
    return Shape(
        stem=mismatch.full("attention."),
        d_head=config.d_head,
        positions=torch.arange(mismatch.a.ids.shape[1], device=mismatch.a.ids.device),
        offset=1.0 if config.design.norm == "rms_unit_offset" else 0.0,
        wide=config.design.query_key_norm == "width",
        eps=config.norm_eps,
        base=None if config.design.positions == "learned" else config.local_rope_base if local else config.rope_base,
        scaling=None if local else config.rope_scaling,
        stretch=(config.d_head / (config.query_pre_attn_scalar or config.d_head)) ** 0.5,
        window=window,
        cap=config.attn_logit_softcap,
    )


def _points(shape: Shape, use: Use, t: Tensors, **changes: Any) -> Tensors:
    shape = replace(shape, **changes)
    stem, positions = shape.stem, shape.positions
    points: Tensors = {}
    for name in ("query", "key", "value"):
        points |= _heads(shape, use, t, name)
    query, key, value = (points.pop(f"{stem}{name}") for name in ("query", "key", "value"))
    query = query if shape.stretch == 1.0 else query * shape.stretch
    if shape.window is None:
        mask = use("causal_mask")(positions, positions)
    else:
        mask = use("sliding_window_mask")(positions, positions, shape.window)
    points |= {f"{stem}rot_q": query, f"{stem}rot_k": key, f"{stem}mask": mask[None].float()}
    with SoftmaxCalls() as softmax:
        y = _kernel(use, query if shape.factor == 1.0 else query * shape.factor, key, value, mask, shape.cap)
    if softmax.calls:
        points[f"{stem}scores"], points[f"{stem}pattern"] = softmax.calls[-1]
        if shape.weights_in is not None:
            y = (softmax.calls[-1][1].to(shape.weights_in).to(value.dtype) @ value[:, :, None]).flatten(1, 2)
    return points | {f"{stem}z": use("merge_heads")(y)}


def _heads(shape: Shape, use: Use, t: Tensors, name: str) -> Tensors:
    """Return queries, keys or values in heads: normalized, and normalized and rotated."""
    x, gain = t[shape.stem + name], t.get(f"{shape.stem}{name}_norm.gain")

    def norm(x: Tensor, *when: str) -> Tensor:
        skipped = gain is None or shape.normed not in when
        return x if gain is None or skipped else use("rms_norm", name)(x, gain + shape.offset, shape.eps)

    x = norm(x, "before rotation", "after rotation") if shape.wide else x
    x = use("split_heads", name)(x, x.shape[-1] // shape.d_head)
    x = normed = x if shape.wide else norm(x, "before rotation")
    if shape.base is not None and name != "value":
        if shape.scaling is None:
            x = use("rotary", name)(x, shape.positions, shape.base)
        else:
            x = shape.rotate(x, rotary_angles(shape.positions, shape.d_head, shape.base, x.dtype, shape.scaling))
    x = x if shape.wide else norm(x, "after rotation")
    return {f"{shape.stem}{name}_norm": normed, f"{shape.stem}{name}": x}


def _kernel(use: Use, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, cap: float | None) -> Tensor:
    if cap is None and use.exchanges("grouped_query_attention"):
        return use("grouped_query_attention")(query, key, value, mask)  # type: ignore[no-any-return]
    query = query.reshape(len(query), key.shape[1], -1, *query.shape[2:])
    key, value = key[:, :, None], value[:, :, None]
    if cap is None:
        y = use("attention")(query, key, value, mask)
    elif use.exchanges("soft_cap"):
        scores = use("soft_cap")((query * query.shape[-1] ** -0.5) @ key.mT, cap)
        y = torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2), dim=-1) @ value
    else:
        y = use("capped_attention")(query, key, value, mask, cap)
    return y.flatten(1, 2)  # type: ignore[no-any-return]


def _in_heads(x: Tensor, d_head: int) -> Tensor:
    return contract_function("split_heads")(x, x.shape[-1] // d_head)  # type: ignore[no-any-return]


def _rotary_settings(mismatch: Mismatch, own: float, scaling: Any) -> Iterator[Setting]:
    config, other = mismatch.config, mismatch.b.config
    bases = (_implied_base(mismatch), config.rope_base, config.local_rope_base, other.rope_base, *USUAL_BASES)
    for base in dict.fromkeys(base for base in bases if base is not None and base != own):
        for each in dict.fromkeys((scaling, None)):
            says = f"{{b}} rotates with the base {base:.6g} and the scaling {each}, {{a}} with {own:.6g} and {scaling}"
            yield "another rotary base", says, {"base": base, "scaling": each}
    for each in dict.fromkeys((None, config.rope_scaling, other.rope_scaling)):
        if each != scaling:
            says = f"{{b}} scales the rotary frequencies by {each}, {{a}} by {scaling}"
            yield "another rotary scaling", says, {"scaling": each}
    if scaling is not None:  # the slips of `rotary` know no scaling
        yield "neighbors paired", "{b} rotates neighboring coordinates as pairs", {"rotate": rotary_interleaved}


def _implied_base(mismatch: Mismatch) -> float | None:
    """Read the rotary base off the angle by which B rotates position 1."""
    name = {"attention.rot_q": "query", "attention.rot_k": "key"}.get(mismatch.part, "")
    d_head, product = mismatch.config.d_head, mismatch.value(f"attention.{name}")
    rotated = mismatch.b.values.get(mismatch.point)
    if product is None or rotated is None or rotated.shape[2] < 2 or d_head < 4:
        return None
    straight = mismatch.value(f"attention.{name}_norm")
    straight = _in_heads(product, d_head) if straight is None else straight
    before, after = (torch.complex(*x[:, :, 1].double().chunk(2, dim=-1)) for x in (straight, rotated))
    angles = (after * before.conj()).sum(dim=(0, 1))[1:].angle()  # pair 0 rotates by one radian whatever the base is
    if not bool((angles > 0).all()):
        return None
    pairs = torch.arange(1, d_head // 2, device=angles.device, dtype=torch.float64)
    return float(f"{torch.exp((-angles.log() * d_head / (2 * pairs)).median()).item():.5g}")


def _score_settings(mismatch: Mismatch, window: int | None) -> Iterator[Setting]:
    config, other = mismatch.config, mismatch.b.config
    for each in dict.fromkeys((config.window, other.window)):
        if each is not None and each != window:
            says = f"{{b}} attends to the last {each} positions, {{a}} to {f'the last {window}' if window else 'all'}"
            yield "another window", says, {"window": each}
    for cap in dict.fromkeys((other.attn_logit_softcap, 50.0, 30.0)):
        if cap is not None and cap != config.attn_logit_softcap:
            says = f"{{b}} caps the scores at ±{cap:g}, {{a}} at {config.attn_logit_softcap}"
            yield "another score cap", says, {"cap": cap}
    own = (config.query_pre_attn_scalar or config.d_head) ** -0.5
    fitted = {"attention.rot_q": "stretch", "attention.scores": "factor"}.get(mismatch.part)
    if fitted is not None and (fitted == "stretch" or config.attn_logit_softcap is None):
        a, b = mismatch.a.values[mismatch.point].double(), mismatch.b.values[mismatch.point].double()
        ratio = ((a * b).sum() / a.square().sum().clamp(min=1e-300)).item()
        says = f"{{b}} multiplies the scores by {own * ratio:.5g}, {{a}} by {own:.5g}"
        value = ratio * own * config.d_head**0.5 if fitted == "stretch" else ratio
        yield "another score scale", says, {fitted: value}
    for dtype in (torch.bfloat16, torch.float16):
        name = str(dtype).removeprefix("torch.")
        yield f"rounded to {name}", f"{{b}} rounds the attention weights to {name}", {"weights_in": dtype}


def epsilon_settings(
    mismatch: Mismatch, point: str, x: Tensor, gain: Tensor, bias: Tensor | None = None
) -> Iterator[Setting]:
    """Return the epsilon that B's norm has if nothing else differs, read off its output."""
    config, y = mismatch.config, mismatch.b.values.get(point)
    if y is None or y.shape != x.shape:
        return
    x, y = x.double(), y.double() if bias is None else y.double() - bias.double()
    x = x - x.mean(-1, keepdim=True) if config.design.norm == "layer" else x
    # y = gain · x / √(mean square + eps): one factor per vector, from all of its values; then the median over the
    # quarter of the vectors with the smallest mean square, which show an epsilon best.
    wanted, square = x * gain.double(), x.square().mean(-1, keepdim=True)
    factors = (wanted * y).sum(-1, keepdim=True) / wanted.square().sum(-1, keepdim=True).clamp(min=1e-300)
    found = (factors.clamp(min=1e-30) ** -2 - square).flatten()
    smallest = square.flatten().argsort()[: max(1, found.numel() // 4)]
    if (eps := found[smallest].nanmedian().item()) > 0:
        says = f"{{b}} adds {eps:.3g} to the mean square in {point}, {{a}} adds {config.norm_eps:.3g}"
        yield "another epsilon", says, {"eps": float(f"{eps:.3g}")}
