"""A block's attention, from its three projections to what its heads put out, in the package's own functions."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from llm_layers.inspection.causes.epsilon import epsilon_setting
from llm_layers.inspection.causes.exchange import Part, Tensors, Use
from llm_layers.inspection.causes.hypothesis import Mismatch
from llm_layers.layers.attention import attention, capped_attention, soft_cap, softmax
from llm_layers.layers.mask import causal_mask, sliding_window_mask
from llm_layers.layers.multi_head_attention import grouped_query_attention, merge_heads, split_heads
from llm_layers.layers.norm import layer_norm, rms_norm
from llm_layers.layers.rotary import Rotation, rotary, rotary_angles, rotate

USUAL_BASES = (1e4, 5e5, 1e6, 1e5, 5e3, 1e7)
Setting = tuple[str, str, dict[str, Any]]


class SoftmaxCalls(TorchFunctionMode):
    """Keeps the scores that go into a softmax, and the attention weights that come out."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run any call of torch."""
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") == "softmax":
            self.calls.append((args[0], result))
        return result


def attention_part(mismatch: Mismatch) -> Iterator[Part]:
    """Return the attention of the mismatch's block, with the settings that may be wrong in it."""
    config, layer, stem = mismatch.config, mismatch.layer, mismatch.full("attention.")
    inputs: Tensors = {}
    for name in ("query", "key", "value"):
        product = mismatch.value(f"attention.{name}")
        if product is None or layer is None:
            return
        inputs[stem + name] = product
        for kind in ("gain", "bias"):
            weight = mismatch.weight(f"attention.{name}_norm.{kind}")
            inputs |= {} if weight is None else {f"{stem}{name}_norm.{kind}": weight}
    window = config.window_of(layer)
    local = window is not None and config.local_rope_base is not None
    own_base = None if config.design.positions == "learned" else config.local_rope_base if local else config.rope_base
    own_scaling = None if local else config.rope_scaling
    offset = 1.0 if config.design.norm == "rms_unit_offset" else 0.0
    wide = config.design.query_key_norm == "width"
    positions = torch.arange(mismatch.a.ids.shape[1], device=mismatch.a.ids.device)

    def compute(
        use: Use,
        t: Tensors,
        *,
        base: float | None = own_base,
        scaling: Any = own_scaling,
        turn: Any = rotate,
        normed: str = "before",
        eps: float = config.norm_eps,
        window: int | None = window,
        scale: float = (config.query_pre_attn_scalar or config.d_head) ** -0.5,
        factor: float = 1.0,
        cap: float | None = config.attn_logit_softcap,
        weights_in: torch.dtype | None = None,
    ) -> Tensors:
        points: Tensors = {}

        def norm(x: Tensor, name: str) -> Tensor:
            gain = t.get(f"{stem}{name}_norm.gain")
            if gain is None or normed == "never":
                return x
            if config.design.norm == "layer":
                y: Tensor = use(layer_norm, name)(x, gain, t.get(f"{stem}{name}_norm.bias"), eps)
            else:
                y = use(rms_norm, name)(x, gain + offset, eps)
            return y

        def rotated(x: Tensor, name: str) -> Tensor:
            if base is None or name == "value":
                return x
            chosen = use(rotary, name)
            if chosen is not rotary:
                y: Tensor = chosen(x, positions, base)
                return y
            return turn(x, rotary_angles(positions, config.d_head, base, x.dtype, scaling))  # type: ignore[no-any-return]

        def heads(name: str) -> Tensor:
            x = t[stem + name]
            x = norm(x, name) if wide else x
            x = use(split_heads, name)(x, x.shape[-1] // config.d_head)
            x = points[f"{stem}{name}_norm"] = x if wide or normed == "after" else norm(x, name)
            x = rotated(x, name)
            return norm(x, name) if normed == "after" else x

        query, key, value = heads("query"), heads("key"), heads("value")
        if (stretch := scale * config.d_head**0.5) != 1.0:
            query = query * stretch
        points |= {f"{stem}rot_q": query, f"{stem}rot_k": key}
        if window is None:
            mask = use(causal_mask)(positions, positions)
        else:
            mask = use(sliding_window_mask)(positions, positions, window)
        points[f"{stem}mask"] = mask[None].float()
        with SoftmaxCalls() as softmaxes:
            y = _kernel(use, query if factor == 1.0 else query * factor, key, value, mask, cap)
        if softmaxes.calls:
            points[f"{stem}scores"], points[f"{stem}pattern"] = softmaxes.calls[-1]
            if weights_in is not None:
                rounded = softmaxes.calls[-1][1].to(weights_in).to(value.dtype)
                y = (rounded @ value[:, :, None]).flatten(1, 2)
        return points | {f"{stem}z": use(merge_heads)(y)}

    settings = [
        *_norm_settings(mismatch, inputs, offset),
        *(() if own_base is None else _rotary_settings(mismatch, own_base, own_scaling, local)),
        *_score_settings(mismatch, window),
    ]
    yield Part(inputs=inputs, compute=compute, last=f"{stem}z", settings=tuple(settings))


def _kernel(use: Use, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, cap: float | None) -> Tensor:
    grouped = use(grouped_query_attention)
    if cap is None and grouped is not grouped_query_attention:
        y: Tensor = grouped(query, key, value, mask)
        return y
    query, key, value = query.unflatten(1, (key.shape[1], -1)), key[:, :, None], value[:, :, None]
    if cap is None:
        y = use(attention)(query, key, value, mask)
    elif (soft := use(soft_cap)) is soft_cap:
        y = use(capped_attention)(query, key, value, mask, cap)
    else:
        scores = soft((query * query.shape[-1] ** -0.5) @ key.mT, cap)
        y = softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2)) @ value
    return y.flatten(1, 2)


def _norm_settings(mismatch: Mismatch, inputs: Tensors, offset: float) -> Iterator[Setting]:
    stem = mismatch.full("attention.")
    if f"{stem}query_norm.gain" not in inputs:
        return
    yield "norm left out", "{b} does not normalize queries and keys", {"normed": "never"}
    says = "{b} normalizes queries and keys after rotating them, {a} before"
    yield "norm after rotation", says, {"normed": "after"}
    for name in ("query", "key"):
        x, gain = inputs[stem + name], inputs[f"{stem}{name}_norm.gain"] + offset
        if gain.shape[0] == mismatch.config.d_head:  # not one norm over all heads
            yield from epsilon_setting(mismatch, f"{stem}{name}_norm", split_heads(x, x.shape[-1] // len(gain)), gain)


def _rotary_settings(mismatch: Mismatch, own: float, scaling: Any, local: bool) -> Iterator[Setting]:
    config, other = mismatch.config, mismatch.b.config
    bases = (_implied_base(mismatch), config.rope_base, config.local_rope_base, other.rope_base, *USUAL_BASES)
    for base in dict.fromkeys(base for base in bases if base is not None and base != own):
        says = f"{{b}} rotates with the base {base:.6g}, {{a}} with {own:.6g}"
        yield "another rotary base", says, {"base": base}
        if scaling is not None:
            yield "another rotary base", f"{says}, and does not scale", {"base": base, "scaling": None}
    for each in dict.fromkeys((None, config.rope_scaling, other.rope_scaling)):
        if each != scaling:
            says = f"{{b}} scales the rotary frequencies by {each}, {{a}} by {scaling}"
            yield "another rotary scaling", says, {"scaling": each}
    if scaling is not None:  # the slips of `rotary` know no scaling
        yield "neighbours paired", "{b} rotates neighbouring coordinates as pairs", {"turn": _neighbours}
        says = "{b} rotates by the opposite angle"
        yield "turned the other way", says, {"turn": lambda x, rotation: rotate(x, (rotation[0], -rotation[1]))}


def _neighbours(x: Tensor, rotation: Rotation) -> Tensor:
    halves = x.unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2)
    return rotate(halves, rotation).unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)


def _implied_base(mismatch: Mismatch) -> float | None:
    """Read the rotary base off the angle by which B rotates position 1."""
    name = {"attention.rot_q": "query", "attention.rot_k": "key"}.get(mismatch.part)
    config = mismatch.config
    if name is None or config.d_head < 4:
        return None
    straight, rotated = mismatch.value(f"attention.{name}_norm"), mismatch.b.values[mismatch.point]
    if straight is None:
        product = mismatch.value(f"attention.{name}")
        straight = None if product is None else split_heads(product, product.shape[-1] // config.d_head)
    if straight is None or straight.shape != rotated.shape or rotated.shape[2] < 2:
        return None
    before, after = (torch.complex(*x[:, :, 1].double().chunk(2, dim=-1)) for x in (straight, rotated))
    angles = (after * before.conj()).sum(dim=(0, 1))[1:].angle()  # pair 0 turns by one radian whatever the base is
    if not bool((angles > 0).all()):
        return None
    pairs = torch.arange(1, config.d_head // 2, device=angles.device, dtype=torch.float64)
    return float(f"{torch.exp((-angles.log() * config.d_head / (2 * pairs)).median()).item():.5g}")


def _score_settings(mismatch: Mismatch, window: int | None) -> Iterator[Setting]:
    config, other = mismatch.config, mismatch.b.config
    for each in dict.fromkeys((config.window, other.window)):
        if each is not None and each != window:
            yield "another window", f"{{b}} attends to the last {each} positions, {{a}} to {window or 'all'}", {"window": each}
    for cap in dict.fromkeys((other.attn_logit_softcap, 50.0, 30.0)):
        if cap is not None and cap != config.attn_logit_softcap:
            yield "another score cap", f"{{b}} caps the scores at ±{cap:g}, {{a}} at {config.attn_logit_softcap}", {"cap": cap}
    a, b = mismatch.a.values.get(mismatch.point), mismatch.b.values.get(mismatch.point)
    if mismatch.part == "attention.scores" and a is not None and b is not None and config.attn_logit_softcap is None:
        ratio = ((a.double() * b.double()).sum() / a.double().square().sum().clamp(min=1e-300)).item()
        own = (config.query_pre_attn_scalar or config.d_head) ** -0.5
        says = f"{{b}} multiplies the scores by {own * ratio:.5g}, {{a}} by {own:.5g}"
        yield "another score scale", says, {"factor": ratio}
    for dtype in (torch.bfloat16, torch.float16):
        name = str(dtype).removeprefix("torch.")
        says = f"{{b}} rounds the attention weights to {name} before they weigh the values"
        yield f"rounded to {name}", says, {"weights_in": dtype}
