"""The large case of the block."""

from __future__ import annotations

from llm_layers.spec.large.limits import LONG_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=LONG_SUM)


@LARGE("layers.block", 5, "tables of positions, and tiles at hundreds of positions")
def positions_of_long_texts(g: Generator) -> Inputs:
    shapes = {
        "attention_norm": (5,), "query": (12, 5), "key": (6, 5), "value": (6, 5), "query_norm": (6,), "key_norm": (6,),
        "output": (5, 12), "feed_forward_norm": (5,), "gate": (37, 5), "up": (37, 5), "down": (5, 37),
    }  # fmt: skip
    return {
        "x": g.normal(1, 301, 5), "positions": 300 + 7 * g.whole(301, below=500),
        **{name: g.normal(*shape) for name, shape in shapes.items()},
        "heads": 2, "kv_heads": 1, "rope_base": 500.0, "eps": 1e-5,
    }  # fmt: skip
