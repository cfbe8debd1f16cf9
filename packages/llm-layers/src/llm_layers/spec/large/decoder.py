"""Large cases of the whole model."""

from __future__ import annotations

from typing import Any

import numpy as np

from llm_layers.spec import SPECIFICATION
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases(tolerance={"float64": 1e-9, "float32": 2e-3})
large = LARGE.of("layers.decoder")


def _deep(
    g: Generator, case: str, blocks: str, ids: Numbers, tokens: int = 41, layers: int = 12, **settings: Any
) -> Inputs:
    """Return the inputs of a small stored model with so many blocks like its first, and so many tokens."""
    stored = next(one.inputs for one in SPECIFICATION.cases["layers.decoder"] if one.id == case)
    layout = []
    for name, (rows, *columns) in stored["layout"]:
        rest = name.removeprefix(f"{blocks}0.")
        if rest != name:
            layout += [[f"{blocks}{layer}.{rest}", [rows, *columns]] for layer in range(layers)]
        elif not name.startswith(blocks):
            if "wpe" in name:
                rows = settings.get("n_positions", rows)
            elif rows == stored["settings"]["vocab_size"] and any(one in name for one in ("embed", "wte", "lm_head")):
                rows = tokens
            layout.append([name, [rows, *columns]])
    weights = g.normal(sum(int(np.prod(shape)) for _, shape in layout)) * 0.6
    inputs = {**stored["settings"], "vocab_size": tokens, **settings}
    return {"ids": ids, "settings": inputs, "layout": layout, "weights": weights}


@large(2, "an epsilon that is at least 1e-6 or so, whatever the settings say")
def tiny_epsilon(g: Generator) -> Inputs:
    model = _deep(g, "llama", "model.layers.", g.whole(2, 5, below=41), num_hidden_layers=12, rms_norm_eps=1e-14)
    return {**model, "weights": model["weights"] * 1e-4}


@large(2, "layer 10 before layer 2")
def twelve_layers(g: Generator) -> Inputs:
    ids = g.whole(2, 19, below=41)
    return _deep(g, "llama", "model.layers.", ids, num_hidden_layers=12, max_position_embeddings=40)


large(10, "layer 10 before layer 2", "twelve_layers_of_gpt2")(
    lambda g: _deep(g, "gpt2", "transformer.h.", g.whole(1, 301, below=41), n_layer=12, n_positions=307)
)


@large(4, "a window beyond 256 that is cut")
def window_beyond_256(g: Generator) -> Inputs:
    settings = {"num_hidden_layers": 2, "sliding_window": 259, "max_position_embeddings": 400}
    return _deep(g, "mistral_window", "model.layers.", g.whole(1, 389, below=41), **settings)


@large(2, "ids in 16 bits")
def tokens_beyond_16_bits(g: Generator) -> Inputs:
    ids = np.array([[0, 65_536, 65_535, 32_768, 65_550, 255, 256]])
    return _deep(g, "llama_tied", "model.layers.", ids, tokens=65_551, num_hidden_layers=12)


@large(clause=1, catches="texts beyond a thousand tokens", gradients=False)
def a_thousand_tokens(g: Generator) -> Inputs:
    ids = g.whole(1, 1_031, below=41)
    return _deep(g, "llama", "model.layers.", ids, num_hidden_layers=12, max_position_embeddings=2_048)


@large(clause=1, catches="batches beyond a hundred texts, weights that are cut off")
def a_hundred_texts(g: Generator) -> Inputs:
    model = _deep(g, "llama", "model.layers.", g.whole(103, 3, below=41), num_hidden_layers=12)
    model["weights"][::97] *= 200.0
    return model


@large(clause=2, catches="a limited number of layers or weights", gradients=False)
def a_hundred_layers(g: Generator) -> Inputs:
    ids = g.whole(1, 3, below=41)
    return _deep(g, "llama", "model.layers.", ids, layers=125, num_hidden_layers=125)


large(10, "an epsilon of one's own", "another_epsilon_of_gpt2")(
    lambda g: _deep(g, "gpt2", "transformer.h.", g.whole(1, 5, below=41), n_layer=2, layers=2, layer_norm_epsilon=1e-2)
)


@large(7, "experts in the order of their names, 10 before 2")
def twelve_experts(g: Generator) -> Inputs:
    model = _deep(g, "qwen3_moe", "model.layers.0.mlp.experts.", g.whole(2, 5, below=41), num_experts=12)
    layout = [[name, [12, *shape[1:]] if "mlp.gate." in name else shape] for name, shape in model["layout"]]
    weights = g.normal(sum(int(np.prod(shape)) for _, shape in layout)) * 0.6
    return {**model, "layout": layout, "weights": weights}


@large(9, "the root of the width in 16 bits")
def gemma3_of_an_odd_root(g: Generator) -> Inputs:
    model = _deep(g, "gemma3", "model.layers.", g.whole(2, 5, below=41), layers=2, hidden_size=6)
    layout = [[name, _of_width(name, shape, 6)] for name, shape in model["layout"]]
    weights = g.normal(sum(int(np.prod(shape)) for _, shape in layout)) * 0.6
    return {**model, "layout": layout, "weights": weights}


def _of_width(name: str, shape: list[int], width: int) -> list[int]:
    """Return the shape of a weight in a stream of another width."""
    if len(shape) == 1:
        return shape if "q_norm" in name or "k_norm" in name else [width]
    return [width, shape[1]] if "o_proj" in name or "down_proj" in name else [shape[0], width]
