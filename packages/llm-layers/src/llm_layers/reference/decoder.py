"""The whole decoder in NumPy, for every public family, straight from the settings and names of its files.

Read beside each other, the families differ in a few lines. Nothing here knows the rest of the package's model code:
what both agree on is right for two reasons.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llm_layers.reference.arrays import Array
from llm_layers.reference.embedding import embedding, embedding_backward
from llm_layers.reference.feed_forward import geglu, gelu_feed_forward, swiglu
from llm_layers.reference.mask import causal_mask, sliding_window_mask
from llm_layers.reference.mixture_of_experts import mixture_of_experts
from llm_layers.reference.multi_head_attention import grouped_query_attention, merge_heads, split_heads
from llm_layers.reference.norm import layer_norm, rms_norm
from llm_layers.reference.rotary import inverse_frequencies
from llm_layers.reference.rotary_scaling import llama3_scaling
from llm_layers.reference.tape import Tape

Settings = Mapping[str, Any]
Layout = Sequence[Sequence[Any]]


def decoder(ids: Array, settings: Settings, layout: Layout, weights: Array) -> Array:
    """Return the logits after every position of ids."""
    return _run(Tape(), ids, settings, _unpack(layout, weights))


def decoder_backward(dlogits: Array, ids: Array, settings: Settings, layout: Layout, weights: Array) -> Array:
    """Gradient of the weights: every step's own, from the logits back to the embedding (`Tape`)."""
    tape, unpacked = Tape(), _unpack(layout, weights)
    logits = _run(tape, ids, settings, unpacked)
    parts = tape.gradients(dlogits, logits, list(unpacked.values()))
    return np.concatenate([np.ravel(part) for part in parts])


def _unpack(layout: Layout, weights: Array) -> dict[str, Array]:
    """Cut the row of all weights into arrays by name and shape."""
    unpacked, start = {}, 0
    for name, shape in layout:
        size = int(np.prod(shape))
        unpacked[name] = weights[start : start + size].reshape(shape)
        start += size
    return unpacked


def _run(tape: Tape, ids: Array, settings: Settings, w: Mapping[str, Array]) -> Array:
    if settings["model_type"] == "gpt2":
        return _gpt2(tape, ids, settings, w)
    family = settings["model_type"]
    table = w["model.embed_tokens.weight"]
    x = _rows(tape, ids, table)
    if family == "gemma3_text":
        root = settings["hidden_size"] ** 0.5
        x = tape.run(lambda x: x * root, (x,), backward=lambda dy, x: dy * root)
    for layer in range(settings["num_hidden_layers"]):
        here = {name.removeprefix(f"model.layers.{layer}."): part for name, part in w.items() if f".{layer}." in name}
        norm = {"gemma3_text": "pre_feedforward_layernorm"}.get(family, "post_attention_layernorm")
        after = {"gemma3_text": "post_attention_layernorm", "olmo2": "post_attention_layernorm"}.get(family)
        y = x if family == "olmo2" else _rms(tape, x, here["input_layernorm.weight"], settings)
        y = _attention(tape, y, layer, settings, here)
        x = tape.add(x, y if after is None else _rms(tape, y, here[f"{after}.weight"], settings))
        y = x if family == "olmo2" else _rms(tape, x, here[f"{norm}.weight"], settings)
        y = _feed_forward(tape, y, settings, here)
        after = "post_feedforward_layernorm.weight"
        x = tape.add(x, _rms(tape, y, here[after], settings) if after in here else y)
    x = _rms(tape, x, w["model.norm.weight"], settings)
    return tape.linear(x, w.get("lm_head.weight", table))


def _attention(tape: Tape, x: Array, layer: int, settings: Settings, w: Mapping[str, Array]) -> Array:
    heads, kv_heads = settings["num_attention_heads"], settings["num_key_value_heads"]
    family, positions = settings["model_type"], np.arange(x.shape[-2])
    window = settings.get("sliding_window") if _is_local(layer, settings) else None
    parts = {}
    for part, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
        y = tape.linear(x, w[f"self_attn.{part}_proj.weight"], w.get(f"self_attn.{part}_proj.bias"))
        if family == "olmo2" and part != "v":
            y = _rms(tape, y, w[f"self_attn.{part}_norm.weight"], settings)
        y = tape.run(split_heads, (y,), count)
        if family in ("qwen3", "qwen3_moe", "gemma3_text") and part != "v":
            y = _rms(tape, y, w[f"self_attn.{part}_norm.weight"], settings)
        if part != "v":
            angles = positions[:, None] * _frequencies(layer, settings, y.shape[-1])
            y = tape.run(_rotate, (y,), angles)
        parts[part] = y
    if family == "gemma3_text":  # another number under the root than d_head
        stretch = (parts["q"].shape[-1] / settings["query_pre_attn_scalar"]) ** 0.5
        parts["q"] = tape.run(lambda q: q * stretch, (parts["q"],), backward=lambda dy, q: dy * stretch)
    mask = causal_mask(positions, positions) if window is None else sliding_window_mask(positions, positions, window)
    y = tape.run(grouped_query_attention, (parts["q"], parts["k"], parts["v"]), mask)
    y = tape.run(merge_heads, (y,))
    return tape.linear(y, w["self_attn.o_proj.weight"])


def _is_local(layer: int, settings: Settings) -> bool:
    if settings["model_type"] == "gemma3_text":
        return bool(settings["layer_types"][layer] == "sliding_attention")
    return bool(settings["model_type"] == "mistral")


def _frequencies(layer: int, settings: Settings, d_head: int) -> Array:
    table = settings["rope_parameters"]
    if settings["model_type"] == "gemma3_text":
        table = table["sliding_attention" if _is_local(layer, settings) else "full_attention"]
    frequencies = inverse_frequencies(d_head, table["rope_theta"])
    if table["rope_type"] == "llama3":
        keys = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        return llama3_scaling(frequencies, *(table[key] for key in keys))
    return frequencies / table["factor"] if table["rope_type"] == "linear" else frequencies


def _feed_forward(tape: Tape, x: Array, settings: Settings, w: Mapping[str, Array]) -> Array:
    if settings["model_type"] == "qwen3_moe":
        names = [f"mlp.experts.#.{part}_proj.weight" for part in ("gate", "up", "down")]
        stacks = []
        for name in names:
            parts = tuple(w[name.replace("#", str(expert))] for expert in range(settings["num_experts"]))
            stacks.append(tape.run(lambda *parts: np.stack(parts), parts, backward=lambda dy, *parts: tuple(dy)))
        inputs = (x, w["mlp.gate.weight"], *stacks)
        chosen = settings["num_experts_per_tok"], settings["norm_topk_prob"]
        return tape.run(mixture_of_experts, inputs, *chosen)
    inputs = (x, w["mlp.gate_proj.weight"], w["mlp.up_proj.weight"], w["mlp.down_proj.weight"])
    if settings["model_type"] == "gemma3_text":
        return tape.run(geglu, inputs)
    return tape.run(swiglu, inputs)


def _gpt2(tape: Tape, ids: Array, settings: Settings, w: Mapping[str, Array]) -> Array:
    table, eps = w["transformer.wte.weight"], settings["layer_norm_epsilon"]
    x = _rows(tape, ids, table)
    places = np.broadcast_to(np.arange(ids.shape[-1]), ids.shape)
    x = tape.add(x, _rows(tape, places, w["transformer.wpe.weight"]))
    mask = causal_mask(places[0], places[0])
    for layer in range(settings["n_layer"]):
        here = {name.removeprefix(f"transformer.h.{layer}."): part for name, part in w.items() if f".{layer}." in name}
        y = tape.run(layer_norm, (x, here["ln_1.weight"], here["ln_1.bias"]), eps)
        joined = tape.linear(y, _transposed(tape, here["attn.c_attn.weight"]), here["attn.c_attn.bias"])
        parts = []
        for part in range(3):  # query, key, value stand side by side
            cut = tape.run(_cut, (joined,), part)
            parts.append(tape.run(split_heads, (cut,), settings["n_head"]))
        y = tape.run(grouped_query_attention, tuple(parts), mask)
        y = tape.run(merge_heads, (y,))
        x = tape.add(x, tape.linear(y, _transposed(tape, here["attn.c_proj.weight"]), here["attn.c_proj.bias"]))
        y = tape.run(layer_norm, (x, here["ln_2.weight"], here["ln_2.bias"]), eps)
        up, down = (_transposed(tape, here[f"mlp.{name}.weight"]) for name in ("c_fc", "c_proj"))
        inputs = (y, up, here["mlp.c_fc.bias"], down, here["mlp.c_proj.bias"])
        x = tape.add(x, tape.run(gelu_feed_forward, inputs))
    x = tape.run(layer_norm, (x, w["transformer.ln_f.weight"], w["transformer.ln_f.bias"]), eps)
    return tape.linear(x, w.get("lm_head.weight", table))


def _rows(tape: Tape, ids: Array, table: Array) -> Array:
    return tape.run(lambda t: embedding(ids, t), (table,), backward=lambda dy, t: embedding_backward(dy, ids, t))


def _transposed(tape: Tape, weight: Array) -> Array:
    """A weight that is stored (in, out)."""
    return tape.run(np.transpose, (weight,), backward=lambda dy, weight: dy.T)


def _rms(tape: Tape, x: Array, gain: Array, settings: Settings) -> Array:
    eps = settings["rms_norm_eps"]
    if settings["model_type"] == "gemma3_text":  # the stored gain counts from one
        gain = tape.run(lambda g: 1 + g, (gain,), backward=lambda dy, g: dy)
    return tape.run(rms_norm, (x, gain), eps)


def _rotate(x: Array, angles: Array) -> Array:
    a, b = np.split(x, 2, axis=-1)
    cosine, sine = np.cos(angles), np.sin(angles)
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1)


def _rotate_backward(dy: Array, x: Array, angles: Array) -> Array:
    return _rotate(dy, -angles)


def _cut(x: Array, part: int) -> Array:
    return np.split(x, 3, axis=-1)[part]


def _cut_backward(dy: Array, x: Array, part: int) -> Array:
    dx = np.zeros(x.shape, dtype=dy.dtype)
    np.split(dx, 3, axis=-1)[part][...] = dy
    return dx
