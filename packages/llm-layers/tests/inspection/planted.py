"""Faults as they are made in practice, planted into a copy of a right model: in its file, its code, its backward."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from llm_layers import Decoder, attention, load_model, rms_norm, rotary_interleaved, save_model
from llm_layers.layers.attention import capped_attention
from llm_layers.layers.rotary import rotary, rotary_angles

LAYER = "model.layers.1."


class Fault(NamedTuple):
    """Which model it is planted into, how, where it must be found, and how it must be named."""

    family: str
    plant: Callable[[Decoder, Path], Decoder]
    first: str
    cause: str


def in_file(change: Callable[[dict[str, Tensor]], None]) -> Callable[[Decoder, Path], Decoder]:
    """Save the model, change its weights file, load it again."""

    def plant(model: Decoder, folder: Path) -> Decoder:
        save_model(model, folder)
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / "model.safetensors")
        return load_model(folder)

    return plant


def in_code(change: Callable[[Decoder], None]) -> Callable[[Decoder, Path], Decoder]:
    """Change what a copy of the model computes."""

    def plant(model: Decoder, folder: Path) -> Decoder:
        changed = copy.deepcopy(model)
        change(changed)
        return changed

    return plant


def rows(name: str, change: Callable[[Tensor], Tensor]) -> Callable[[dict[str, Tensor]], None]:
    """Change one weight of a file."""

    def changed(weights: dict[str, Tensor]) -> None:
        weights[name] = change(weights[name])

    return changed


def swap(one: str, other: str) -> Callable[[dict[str, Tensor]], None]:
    """Exchange two weights of a file."""

    def changed(weights: dict[str, Tensor]) -> None:
        weights[one], weights[other] = weights[other].clone(), weights[one].clone()

    return changed


def swap_layers(weights: dict[str, Tensor]) -> None:
    for name in [name for name in weights if name.startswith("model.layers.0.")]:
        swap(name, name.replace("layers.0.", "layers.1."))(weights)


def to_pairs(weight: Tensor, d_head: int = 8) -> Tensor:
    return weight.reshape(-1, 2, d_head // 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def all_to(dtype: torch.dtype) -> Callable[[dict[str, Tensor]], None]:
    def changed(weights: dict[str, Tensor]) -> None:
        for name in weights:
            weights[name] = weights[name].to(dtype).float()

    return changed


def to_eight_bits(weight: Tensor) -> Tensor:
    scale = weight.abs().amax(dim=1, keepdim=True) / 127
    return (weight / scale).round() * scale


# --- code


def attends(layer: int, attend: Callable[..., Tensor]) -> Callable[[Decoder], None]:
    def change(model: Decoder) -> None:
        model.blocks[layer].attention.attend = attend

    return change


def tiled_keys(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    _, kv_heads, group, _, _ = query.shape
    flat = query.flatten(1, 2)
    y = attention(flat, key[:, :, 0].repeat(1, group, 1, 1), value[:, :, 0].repeat(1, group, 1, 1), mask)
    return y.unflatten(1, (kv_heads, group))


def scaled(factor: float, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    return attention(query * factor, key, value, mask)


def all_seen(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    return attention(query, key, value, None)


def rounded_pattern(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    scores = (query * query.shape[-1] ** -0.5) @ key.mT
    assert mask is not None
    pattern = torch.softmax(scores.masked_fill(~mask, -1e9), dim=-1)
    return pattern.to(torch.bfloat16).to(scores.dtype) @ value


def split_by_number(model: Decoder) -> None:
    part = model.blocks[1].attention
    right = part.forward

    def by_number(x: Tensor, heads: int) -> Tensor:
        return x.reshape(*x.shape[:2], x.shape[2] // heads, heads).permute(0, 3, 1, 2)

    def forward(*inputs: Any, **further: Any) -> Tensor:
        with mock.patch("llm_layers.block.split_heads", by_number):
            return right(*inputs, **further)

    part.forward = forward


def interleaved(model: Decoder) -> None:
    def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        return rotary_interleaved(x, rotation)

    for block in model.blocks:
        block.attention.rotary = rotate


def late_queries(model: Decoder) -> None:
    part = model.blocks[0].attention
    calls: list[int] = []

    def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        calls.append(1)
        if len(calls) % 2 == 0:  # the keys
            return rotary(x, rotation)
        positions = torch.arange(x.shape[-2]) + 1
        return rotary(x, rotary_angles(positions, x.shape[-1], model.config.rope_base, x.dtype))

    part.rotary = rotate


def into_blocks(change: Callable[[Decoder, int, Tensor, Any, Tensor], tuple[Any, Tensor]]) -> Callable[[Decoder], None]:
    """Pass the blocks another rotation or mask: change(model, layer, positions, rotation, mask)."""

    def change_them(model: Decoder) -> None:
        for layer, block in enumerate(model.blocks):

            def before(_: Any, inputs: tuple[Any, ...], layer: int = layer) -> tuple[Any, ...]:
                x, rotation, mask, *rest = inputs
                return x, *change(model, layer, torch.arange(x.shape[1]), rotation, mask), *rest

            block.register_forward_pre_hook(before)

    return change_them


def rotated(shift: int, base: float) -> Callable[[Decoder], None]:
    def change(model: Decoder, layer: int, positions: Tensor, rotation: Any, mask: Tensor) -> tuple[Any, Tensor]:
        return rotary_angles(positions + shift, model.config.d_head, base, rotation[0].dtype), mask

    return into_blocks(change)


def masked(change: Callable[[Tensor, int | None], Tensor]) -> Callable[[Decoder], None]:
    def changed(model: Decoder, layer: int, positions: Tensor, rotation: Any, mask: Tensor) -> tuple[Any, Tensor]:
        return rotation, change(positions[:, None] - positions, model.config.window_of(layer))

    return into_blocks(changed)


def epsilon(model: Decoder) -> None:
    model.blocks[1].feed_forward_norm.eps = 3e-5


def counted_from_one(model: Decoder) -> None:
    model.blocks[1].attention_norm.offset = 1.0


def mean_subtracted(model: Decoder) -> None:
    model.final_norm.kernel = lambda x, gain, eps: rms_norm(x - x.mean(-1, keepdim=True), gain, eps)


def gated_by(activation: Callable[[Tensor], Tensor], *, swapped: bool = False) -> Callable[[Decoder], None]:
    def change(model: Decoder) -> None:
        part = model.blocks[1].feed_forward

        def forward(x: Tensor) -> Tensor:
            one, other = part.gate(x), part.up(x)
            return part.down(activation(other) * one if swapped else activation(one) * other)

        part.forward = forward

    return change


def exact_gelu(model: Decoder) -> None:
    part = model.blocks[0].feed_forward
    part.forward = lambda x: part.down(F.gelu(part.up(x)))


def unscaled_embedding(model: Decoder) -> None:
    model.embed = lambda tokens, positions: model.embedding(tokens)


def late_positions(model: Decoder) -> None:
    original = model.embed
    model.embed = lambda tokens, positions: original(tokens, positions + 1)


def no_bias(model: Decoder) -> None:
    part = model.blocks[1].attention.query
    part.forward = lambda x: F.linear(x, part.weight)


def tied(model: Decoder) -> None:
    table = model.embedding.table
    original = model.hidden

    def forward(tokens: Tensor, cache: object = None) -> Tensor:
        return F.linear(original(tokens), table)

    model.forward = forward


def no_residual(model: Decoder) -> None:
    block = model.blocks[1]

    def forward(x: Tensor, rotation: object, mask: Tensor, cache: object = None, keys: object = None) -> Tensor:
        attended = block.attention(block.attention_norm(x), rotation, mask, cache)
        return attended + block.feed_forward(block.feed_forward_norm(attended))

    block.forward = forward


def weights_not_renormalized(model: Decoder) -> None:
    model.blocks[0].feed_forward.norm_topk_prob = False


def no_cap(model: Decoder) -> None:
    model.blocks[0].attention.attend = attention


def other_cap(model: Decoder) -> None:
    model.blocks[0].attention.attend = partial(capped_attention, cap=50.0)


# --- backward


class RootTakenForConstant(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gain, eps):
        root = torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, gain, root)
        return x * root * gain

    @staticmethod
    def backward(ctx, dy):
        x, gain, root = ctx.saved_tensors
        return dy * gain * root, (dy * x * root).flatten(0, -2).sum(0), None


def wrong_norm_backward(model: Decoder) -> None:
    model.blocks[1].feed_forward_norm.kernel = RootTakenForConstant.apply


class WithBackward(torch.autograd.Function):
    """A right forward with a wrong backward, written in NumPy."""

    @staticmethod
    def forward(ctx, right, backward, *inputs):
        ctx.of = backward, inputs
        return right(*inputs)

    @staticmethod
    def backward(ctx, dy):
        backward, inputs = ctx.of
        arrays = [x.detach().numpy() if isinstance(x, Tensor) else x for x in (dy, *inputs)]
        return None, None, *map(torch.from_numpy, backward(*arrays)), None


class SlopeOfRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return F.silu(x)

    @staticmethod
    def backward(ctx, dy):
        return dy * (ctx.saved_tensors[0] > 0)


def detached_keys(model: Decoder) -> None:
    part = model.blocks[1].attention.key
    part.register_forward_hook(lambda module, inputs, y: y.detach())


class MeanedBias(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return F.linear(x, weight)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        return dy @ weight, (dy.flatten(0, -2).mT @ x.flatten(0, -2)) / x.flatten(0, -2).shape[0]


def mean_of_weight_gradient(model: Decoder) -> None:
    model.blocks[0].attention.value.kernel = lambda x, weight, bias: MeanedBias.apply(x, weight)


class LastRowOnly(torch.autograd.Function):
    @staticmethod
    def forward(ctx, ids, table):
        ctx.save_for_backward(ids)
        ctx.rows = table.shape
        return table[ids]

    @staticmethod
    def backward(ctx, dy):
        gradient = dy.new_zeros(ctx.rows)
        for id, row in zip(ctx.saved_tensors[0].flatten(), dy.flatten(0, -2), strict=True):
            gradient[id] = row
        return None, gradient


def rows_overwritten(model: Decoder) -> None:
    part = model.embedding
    part.forward = lambda ids: LastRowOnly.apply(ids, part.table)


class IndependentWeights(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores):
        pattern = torch.softmax(scores, dim=-1)
        ctx.save_for_backward(pattern)
        return pattern

    @staticmethod
    def backward(ctx, dy):
        return ctx.saved_tensors[0] * dy


def independent_weights(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    assert mask is not None
    scores = (query * query.shape[-1] ** -0.5) @ key.mT
    return IndependentWeights.apply(scores.masked_fill(~mask, -1e9)) @ value


class KernelInOnePiece(torch.autograd.Function):
    """A kernel that shows neither scores nor attention weights."""

    @staticmethod
    def forward(ctx, query, key, value, mask, forgetful):
        scores = ((query * query.shape[-1] ** -0.5) @ key.mT).masked_fill(~mask, -1e9)
        exponentials = (scores - scores.amax(-1, keepdim=True)).exp()
        pattern = exponentials / exponentials.sum(-1, keepdim=True)
        ctx.save_for_backward(query, key, value, pattern)
        ctx.forgetful = forgetful
        return pattern @ value

    @staticmethod
    def backward(ctx, dy):
        query, key, value, pattern = ctx.saved_tensors
        back = dy @ value.mT
        if not ctx.forgetful:
            back = back - (back * pattern).sum(-1, keepdim=True)
        back = back * pattern * query.shape[-1] ** -0.5
        dkey, dvalue = (back.mT @ query).sum(2, keepdim=True), (pattern.mT @ dy).sum(2, keepdim=True)
        return back @ key, dkey, dvalue, None, None


def in_one_piece(forgetful: bool, *inputs: Tensor) -> Tensor:
    return KernelInOnePiece.apply(*inputs, forgetful)


class RotatedForwardAgain(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, cosine, sine):
        ctx.save_for_backward(cosine, sine)
        return rotary(x, (cosine, sine))

    @staticmethod
    def backward(ctx, dy):
        return rotary(dy, ctx.saved_tensors), None, None


def rotated_forward_again(model: Decoder) -> None:
    model.blocks[2].attention.rotary = lambda x, rotation: RotatedForwardAgain.apply(x, *rotation)


class Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, change):
        ctx.change = change
        return x.clone()

    @staticmethod
    def backward(ctx, dy):
        return ctx.change(dy), None


def input_through(part: str, change: Callable[[Tensor], Tensor]) -> Callable[[Decoder], None]:
    """Let the gradient that a part gives back to its input be another one; the values stay."""

    def change_it(model: Decoder) -> None:
        module = model.get_submodule(part)
        original = module.forward
        module.forward = lambda *inputs: original(Through.apply(inputs[0], change), *inputs[1:])

    return change_it


def no_gradient_along_the_stream(model: Decoder) -> None:
    block = model.blocks[1]

    def forward(x: Tensor, rotation: object, mask: Tensor, cache: object = None, keys: object = None) -> Tensor:
        x = x.detach() + block.attention(block.attention_norm(x), rotation, mask, cache)
        return x + block.feed_forward(block.feed_forward_norm(x))

    block.forward = forward


# --- more code


def forward_of(layer: int, change: Callable[..., Tensor]) -> Callable[[Decoder], None]:
    """Replace a block's forward: change(block, x, rotation, mask)."""

    def change_it(model: Decoder) -> None:
        block = model.blocks[layer]
        block.forward = lambda x, rotation, mask, cache=None, keys=None: change(block, x, rotation, mask)

    return change_it


def half_a_branch(block: Any, x: Tensor, rotation: object, mask: Tensor) -> Tensor:
    x = x + 0.5 * block.attention(block.attention_norm(x), rotation, mask, None)
    return x + block.feed_forward(block.feed_forward_norm(x))


def added_to_the_norm(block: Any, x: Tensor, rotation: object, mask: Tensor) -> Tensor:
    x = x + block.attention(block.attention_norm(x), rotation, mask, None)
    normed = block.feed_forward_norm(x)
    return normed + block.feed_forward(normed)


def norm_skipped(block: Any, x: Tensor, rotation: object, mask: Tensor) -> Tensor:
    x = x + block.attention(x, rotation, mask, None)
    return x + block.feed_forward(block.feed_forward_norm(x))


def not_moved(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    y = attention(query, key, value, mask)  # batch kv_heads group position d_head
    flat = y.flatten(1, 2)
    mixed = flat.reshape(flat.shape[0], flat.shape[2], flat.shape[1], flat.shape[3])  # positions taken for heads
    return mixed.transpose(1, 2).reshape(y.shape)


def mask_late(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    pattern = torch.softmax((query * query.shape[-1] ** -0.5) @ key.mT, dim=-1)
    return (pattern * mask) @ value


def over_queries(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    assert mask is not None
    scores = ((query * query.shape[-1] ** -0.5) @ key.mT).masked_fill(~mask, -1e9)
    return torch.softmax(scores, dim=-2) @ value


def norm_after_rotation(model: Decoder) -> None:
    part = model.blocks[1].attention
    norms = [part.query_norm, part.key_norm]
    part.query_norm, part.key_norm = torch.nn.Identity(), torch.nn.Identity()
    calls: list[int] = []

    def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        calls.append(1)
        return norms[(len(calls) - 1) % 2](rotary(x, rotation))

    part.rotary = rotate
    part.norms = torch.nn.ModuleList(norms)


def backwards(model: Decoder) -> None:
    model.blocks[0].attention.rotary = lambda x, rotation: rotary(x, (rotation[0], -rotation[1]))


def no_rotation(model: Decoder) -> None:
    model.blocks[0].attention.rotary = lambda x, rotation: x


def no_positions(model: Decoder) -> None:
    model.embed = lambda tokens, positions: model.embedding(tokens)


def mean_kept(model: Decoder) -> None:
    model.final_norm.kernel = lambda x, gain, bias, eps: rms_norm(x, gain, eps) + bias


def no_final_logit_softcap(model: Decoder) -> None:
    original, table = model.hidden, model.embedding.table
    model.forward = lambda tokens, cache=None: F.linear(original(tokens), table)


def fewer_experts(model: Decoder) -> None:
    model.blocks[0].feed_forward.per_token = 1


def epsilon_outside(model: Decoder) -> None:
    part = model.blocks[0].attention_norm
    part.kernel = lambda x, gain, eps: gain * x / (x.square().mean(-1, keepdim=True).sqrt() + 1e-6)


def to_four_bits(weight: Tensor) -> Tensor:
    scale = weight.abs().amax(dim=1, keepdim=True) / 7
    return (weight / scale).round() * scale


Q, K, GATE, UP, OUTPUT = (
    f"{LAYER}{name}.weight"
    for name in ("self_attn.q_proj", "self_attn.k_proj", "mlp.gate_proj", "mlp.up_proj", "self_attn.o_proj")
)
AT = "blocks.1."

FAULTS: dict[str, Fault] = {
    # in the file
    "file: transposed": Fault("square", in_file(rows(Q, lambda w: w.T)), f"{AT}attention.query", "transposed weight"),
    "file: rotary pairs": Fault("llama", in_file(rows(K, to_pairs)), f"{AT}attention.key", "interleaved rotary pairs"),
    "file: heads reversed": Fault(
        "llama",
        in_file(rows(Q, lambda w: w.reshape(4, 8, -1).flip(0).reshape(w.shape))),
        f"{AT}attention.query",
        "heads reversed",
    ),
    "file: heads tiled": Fault(
        "llama",
        in_file(rows(Q, lambda w: w.reshape(2, 2, 8, -1).transpose(0, 1).reshape(w.shape))),
        f"{AT}attention.query",
        "heads in tiled order",
    ),
    "file: d_head × heads": Fault(
        "llama",
        in_file(rows(Q, lambda w: w.reshape(4, 8, -1).transpose(0, 1).reshape(w.shape))),
        f"{AT}attention.query",
        "heads split as d_head × heads",
    ),
    "file: output columns": Fault(
        "llama",
        in_file(rows(OUTPUT, lambda w: w.reshape(-1, 4, 8).flip(1).reshape(w.shape))),
        f"{AT}attention.output",
        "heads reversed",
    ),
    "file: bfloat16": Fault("qwen3", in_file(all_to(torch.bfloat16)), "embedding", "rounded to bfloat16"),
    "file: float16": Fault("qwen3", in_file(all_to(torch.float16)), "embedding", "rounded to float16"),
    "file: int8": Fault("qwen3", in_file(rows(UP, to_eight_bits)), f"{AT}feed_forward.up", "rounded to 8 bits"),
    "file: gate and up": Fault("qwen3", in_file(swap(GATE, UP)), f"{AT}feed_forward.gate", "gate and up swapped"),
    "file: query and key": Fault("square", in_file(swap(Q, K)), f"{AT}attention.query", "query and key swapped"),
    "file: layers": Fault("qwen3", in_file(swap_layers), "blocks.0.attention_norm", "another layer's weights"),
    "file: gain": Fault(
        "qwen3",
        in_file(rows(f"{LAYER}input_layernorm.weight", lambda w: w - 1)),
        f"{AT}attention_norm",
        "gain counted from one",
    ),
    "file: bias": Fault(
        "qwen2",
        in_file(rows(f"{LAYER}self_attn.q_proj.bias", torch.zeros_like)),
        f"{AT}attention.query",
        "bias missing",
    ),
    "file: embedding scale": Fault(
        "qwen3", in_file(rows("model.embed_tokens.weight", lambda w: w * 24**0.5)), "embedding", "a factor"
    ),
    "file: head": Fault(
        "qwen3",
        in_file(lambda w: w.__setitem__("lm_head.weight", w["model.embed_tokens.weight"].clone())),
        "logits",
        "head tied to the embedding",
    ),
    "file: rows shifted": Fault(
        "qwen3", in_file(rows("model.embed_tokens.weight", lambda w: w.roll(1, 0))), "embedding", "rows shifted"
    ),
    # in the code
    "code: rotary pairs": Fault("qwen3", in_code(interleaved), "blocks.0.attention.rot_q", "neighbors paired"),
    "code: queries late": Fault("qwen3", in_code(late_queries), "blocks.0.attention.rot_q", "positions from 1"),
    "code: positions from 1": Fault(
        "llama", in_code(rotated(1, 500.0)), "blocks.0.attention.rot_q", "positions from 1"
    ),
    "code: learned positions": Fault("gpt2", in_code(late_positions), "blocks.0.resid_pre", "positions from 1"),
    "code: rotary base": Fault("qwen3", in_code(rotated(0, 1234.0)), "blocks.0.attention.rot_q", "another rotary base"),
    "code: epsilon": Fault("qwen3", in_code(epsilon), f"{AT}feed_forward_norm", "another epsilon"),
    "code: gain": Fault("llama", in_code(counted_from_one), f"{AT}attention_norm", "1 + gain"),
    "code: mean": Fault("qwen3", in_code(mean_subtracted), "final_norm", "mean subtracted"),
    "code: key heads tiled": Fault("qwen3", in_code(attends(1, tiled_keys)), f"{AT}attention.scores", "heads tiled"),
    "code: d_head × heads": Fault("qwen3", in_code(split_by_number), f"{AT}attention.query_norm", "heads interleaved"),
    "code: score scale": Fault(
        "qwen3", in_code(attends(1, partial(scaled, 8**-0.5))), f"{AT}attention.scores", "scaled by d"
    ),
    "code: no scale": Fault(
        "llama", in_code(attends(1, partial(scaled, 8**0.5))), f"{AT}attention.scores", "not scaled"
    ),
    "code: future": Fault("qwen3", in_code(attends(1, all_seen)), f"{AT}attention.scores", "future visible"),
    "code: own position": Fault(
        "qwen3", in_code(masked(lambda d, w: d > 0)), "blocks.0.attention.mask", "not even itself"
    ),
    "code: window": Fault(
        "gemma3",
        in_code(masked(lambda d, w: (d >= 0) & (d < (99 if w is None else w + 1)))),
        "blocks.0.attention.mask",
        "one too wide",
    ),
    "code: attention weights": Fault(
        "qwen3", in_code(attends(0, rounded_pattern)), "blocks.0.attention.z", "rounded to bfloat16"
    ),
    "code: score cap": Fault("gemma3", in_code(no_cap), "blocks.0.attention.scores", "cap not used"),
    "code: other score cap": Fault("gemma3", in_code(other_cap), "blocks.0.attention.scores", "cap of 50"),
    "code: SiLU for GELU": Fault("gemma3", in_code(gated_by(F.silu)), f"{AT}feed_forward.post", "SiLU"),
    "code: exact GELU": Fault("gpt2", in_code(exact_gelu), "blocks.0.feed_forward.post", "exact form"),
    "code: ReLU²": Fault(
        "qwen3", in_code(gated_by(lambda x: F.relu(x).square())), f"{AT}feed_forward.post", "relu_squared"
    ),
    "code: gate and up": Fault(
        "qwen3", in_code(gated_by(F.silu, swapped=True)), f"{AT}feed_forward.post", "gate and up swapped"
    ),
    "code: embedding scale": Fault("gemma3", in_code(unscaled_embedding), "blocks.0.resid_pre", "embedding scale"),
    "code: bias": Fault("qwen2", in_code(no_bias), f"{AT}attention.query", "bias forgotten"),
    "code: tied head": Fault("qwen3", in_code(tied), "logits", "head tied to the embedding"),
    "code: residual": Fault("qwen3", in_code(no_residual), f"{AT}resid_mid", "residual left out"),
    "code: routing weights": Fault(
        "qwen3_moe", in_code(weights_not_renormalized), "blocks.0.feed_forward.output", "never normalized"
    ),
    # in the backward pass alone
    "backward: norm": Fault("qwen3", in_code(wrong_norm_backward), f"{AT}resid_mid", "root held constant"),
    "backward: activation": Fault("qwen3", in_code(gated_by(SlopeOfRelu.apply)), f"{AT}feed_forward.gate", "ReLU"),
    "backward: detached": Fault("qwen3", in_code(detached_keys), f"{AT}attention.key.weight", "no gradient"),
    "backward: mean": Fault(
        "qwen3", in_code(mean_of_weight_gradient), "blocks.0.attention.value.weight", "gradients averaged"
    ),
    "backward: rows": Fault("qwen3", in_code(rows_overwritten), "embedding.table", "gradient written, not added"),
    # a second batch, planted after the hypotheses were written
    "file: 4 bits": Fault("qwen3", in_file(rows(GATE, to_four_bits)), f"{AT}feed_forward.gate", "rounded to 4 bits"),
    "file: float8": Fault(
        "qwen3",
        in_file(rows(UP, lambda w: w.to(torch.float8_e4m3fn).float())),
        f"{AT}feed_forward.up",
        "rounded to float8_e4m3fn",
    ),
    "file: zeros": Fault("qwen3", in_file(rows(GATE, torch.zeros_like)), f"{AT}feed_forward.gate", "zeros"),
    "file: sign": Fault("qwen3", in_file(rows(OUTPUT, lambda w: -w)), f"{AT}attention.output", "sign inverted"),
    "file: key norm in pairs": Fault(
        "qwen3",
        in_file(rows(f"{LAYER}self_attn.k_norm.weight", lambda w: w.reshape(2, 4).T.reshape(8))),
        f"{AT}attention.key_norm",
        "interleaved rotary pairs",
    ),
    "file: positions shifted": Fault(
        "gpt2", in_file(rows("transformer.wpe.weight", lambda w: w.roll(-2, 0))), "blocks.0.resid_pre", "rows shifted"
    ),
    "code: half a branch": Fault("qwen3", in_code(forward_of(1, half_a_branch)), f"{AT}resid_mid", "branch scaled"),
    "code: added to the norm": Fault(
        "qwen3", in_code(forward_of(1, added_to_the_norm)), "blocks.2.resid_pre", "added to the norm"
    ),
    "code: norm skipped": Fault("llama", in_code(forward_of(1, norm_skipped)), f"{AT}attention.query", "norm left out"),
    "code: heads not moved": Fault("qwen3", in_code(attends(1, not_moved)), f"{AT}attention.z", "reshaped only"),
    "code: mask late": Fault(
        "qwen3", in_code(attends(1, mask_late)), f"{AT}attention.scores", "mask after the softmax"
    ),
    "code: over queries": Fault(
        "qwen3", in_code(attends(1, over_queries)), f"{AT}attention.pattern", "softmax over the queries"
    ),
    "code: norm after rotation": Fault(
        "qwen3", in_code(norm_after_rotation), f"{AT}attention.rot_q", "norm after rotation"
    ),
    "code: rotated backwards": Fault("llama", in_code(backwards), "blocks.0.attention.rot_q", "rotated the other way"),
    "code: not rotated": Fault("llama", in_code(no_rotation), "blocks.0.attention.rot_q", "no rotation"),
    "code: no positions": Fault("gpt2", in_code(no_positions), "blocks.0.resid_pre", "positions left out"),
    "code: mean kept": Fault("gpt2", in_code(mean_kept), "final_norm", "mean not subtracted"),
    "code: no logit cap": Fault("gemma3", in_code(no_final_logit_softcap), "logits", "cap not used"),
    "code: one expert": Fault(
        "qwen3_moe", in_code(fewer_experts), "blocks.0.feed_forward.output", "one expert too few"
    ),
    "code: epsilon outside": Fault(
        "llama", in_code(epsilon_outside), "blocks.0.attention_norm", "eps outside the root"
    ),
    "code: window left out": Fault(
        "gemma3", in_code(masked(lambda d, w: d >= 0)), "blocks.0.attention.mask", "window not used"
    ),
    "backward: softmax": Fault(
        "qwen3", in_code(attends(1, independent_weights)), f"{AT}attention.scores", "softmax gradient halved"
    ),
    "backward: rotation": Fault(
        "llama", in_code(rotated_forward_again), "blocks.2.attention.key", "gradient rotated forward"
    ),
    "backward: stream": Fault("qwen3", in_code(no_gradient_along_the_stream), f"{AT}resid_pre", "no gradient"),
    "backward: branch": Fault(
        "qwen3", in_code(input_through("blocks.1.feed_forward_norm", torch.zeros_like)), f"{AT}resid_mid", "no gradient"
    ),
    "backward: factor": Fault(
        "qwen3", in_code(input_through("blocks.1.attention.output", lambda g: g / 3)), f"{AT}attention.z", "a factor"
    ),
    "backward: clipped": Fault(
        "qwen3", in_code(input_through("final_norm", lambda g: g.clamp(-0.01, 0.01))), "resid_post", "gradient clipped"
    ),
    "backward: rounded": Fault(
        "qwen3",
        in_code(input_through("final_norm", lambda g: g.bfloat16().to(g.dtype))),
        "resid_post",
        "rounded to bfloat16",
    ),
    "backward: softmax in one piece": Fault(
        "qwen3", in_code(attends(1, partial(in_one_piece, True))), f"{AT}attention.rot_k", "softmax gradient halved"
    ),
}
