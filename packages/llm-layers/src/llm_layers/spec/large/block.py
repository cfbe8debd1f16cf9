"""Large cases of the block."""

from __future__ import annotations

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases()  # in float32 the angles of far positions are off by more than a sum is


def _weights(g: Generator, d_head: int, d_ff: int) -> Inputs:
    """Return the weights of a block of width 5 with two heads and one pair of keys and values."""
    shapes = {
        "attention_norm": (5,), "query": (2 * d_head, 5), "key": (d_head, 5), "value": (d_head, 5),
        "query_norm": (d_head,), "key_norm": (d_head,), "output": (5, 2 * d_head), "feed_forward_norm": (5,),
        "gate": (d_ff, 5), "up": (d_ff, 5), "down": (5, d_ff),
    }  # fmt: skip
    return {name: g.normal(*shape) for name, shape in shapes.items()}


@LARGE("layers.block", clause=5, catches="tables of positions, tiles, heads beyond 100 numbers")
def positions_of_long_texts(g: Generator) -> Inputs:
    weights = _weights(g, 104, 37)
    weights["query"][::7] *= 100.0
    return {
        "x": g.normal(1, 301, 5), "positions": 300 + 7 * g.whole(301, below=15_000), **weights,
        "heads": 2, "kv_heads": 1, "rope_base": 500.0, "eps": 1e-5,
    }  # fmt: skip


@LARGE("layers.block", 5, "positions in bfloat16", tolerance={"float64": 1e-9, "bfloat16": 0.2}, gradients=False)
def positions_beyond_256(g: Generator) -> Inputs:
    return {
        "x": g.normal(1, 4, 5), "positions": np.array([256, 257, 259, 1_001]), **_weights(g, 4, 3),
        "heads": 2, "kv_heads": 1, "rope_base": 500.0, "eps": 1e-5,
    }  # fmt: skip
