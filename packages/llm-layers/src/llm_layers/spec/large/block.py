"""The large case of the block."""

from __future__ import annotations

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases()  # in float32 the angles of far positions are off by more than a sum is


@LARGE("layers.block", clause=5, catches="tables of positions, tiles, heads beyond 100 numbers")
def positions_of_long_texts(g: Generator) -> Inputs:
    shapes = {
        "attention_norm": (5,), "query": (208, 5), "key": (104, 5), "value": (104, 5), "query_norm": (104,),
        "key_norm": (104,), "output": (5, 208), "feed_forward_norm": (5,), "gate": (37, 5), "up": (37, 5),
        "down": (5, 37),
    }  # fmt: skip
    weights = {name: g.normal(*shape) for name, shape in shapes.items()}
    weights["query"][::7] *= 100.0
    return {
        "x": g.normal(1, 301, 5), "positions": 300 + 7 * g.whole(301, below=15_000), **weights,
        "heads": 2, "kv_heads": 1, "rope_base": 500.0, "eps": 1e-5,
    }  # fmt: skip
