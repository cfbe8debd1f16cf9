"""The two pages of the layers that can be played with: their values, and what they show without scripts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from golden_values import show_array
from layer_figures import running_example

from llm_layers import reference
from llm_layers.spec import SPECIFICATION
from llm_tokenizer.conformance import Case

TURNED = ("by_hand", "ordinary", "scattered")
LARGEST = 6  # positions that fit on a page side by side


def explorer_examples() -> list[dict[str, Any]]:
    """What the explorer starts from: our text, and the golden cases of attention that fit on a page."""
    vocabulary, ids, table = running_example()
    x, names = table[ids], [vocabulary[id] for id in ids]
    mask = reference.causal_mask(np.arange(len(ids)), np.arange(len(ids)))
    text = " ".join(names)
    examples = [_explored(f"our text: {text}", x, x, x, mask, None, names, names)]
    for case in SPECIFICATION.cases["layers.attention"]:
        query, key, value = (case.inputs[name] for name in ("query", "key", "value"))
        if 0 in (*query.shape, *key.shape) or case.layout != "contiguous":
            continue
        name, golden = f"golden case {case.id}", case.outputs["y"]
        if query.ndim == 3:
            query, key, value, golden = query[0], key[0], value[0], golden[0]
            name += ", its first text"
        if max(*query.shape, *key.shape) <= LARGEST:
            examples.append(_explored(name, query, key, value, case.inputs["mask"], golden))
    return examples


def _explored(
    name: str, query: Any, key: Any, value: Any, mask: Any, golden: Any,
    queries: list[str] | None = None, keys: list[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "name": name,
        "words": queries is not None,
        "from": len(query) - (1 if queries is None else 2),  # of our text the row that the chapter works out
        "queries": queries or [str(place) for place in range(len(query))],
        "keys": keys or [str(place) for place in range(len(key))],
        "query": query.tolist(),
        "key": key.tolist(),
        "value": value.tolist(),
        "mask": None if mask is None else mask.tolist(),
        "y": None if golden is None else golden.tolist(),
    }


def attention_explorer() -> str:
    """What a script turns into the explorer; without one, the shares and the result for our text."""
    examples = explorer_examples()
    first = {name: np.array(examples[0][name]) for name in ("query", "key", "value", "mask")}
    shares = reference.attention(first["query"], first["key"], np.eye(len(first["key"])), first["mask"])
    mixed = reference.attention(*first.values())
    return (
        f'<div id="attention-explorer" class="explorer">{_data(examples)}'
        f"<p>{examples[0]['name']}. Shares, and what each position receives:</p>"
        f"{show_array(shares, 'query_position key_position')}{show_array(mixed, 'query_position d_head')}</div>"
    )


def rotary_examples() -> list[dict[str, Any]]:
    """Queries and keys to rotate: words of our text, and the first two rows of golden cases."""
    _, _, table = running_example()
    examples = [
        {"name": f"our text: {name}", "query": table[query].tolist(), "key": table[2].tolist(), "base": 100.0}
        for name, query in (("not and or", 3), ("or and or", 2))
    ]
    for case in SPECIFICATION.cases["layers.rotary"]:
        if case.id in TURNED:
            rows = case.inputs["x"].reshape(-1, case.inputs["x"].shape[-1])
            base = float(case.inputs["base"])
            examples.append(
                {"name": f"golden case {case.id}", "query": rows[0].tolist(), "key": rows[1].tolist(), "base": base}
            )
    return examples


def rotary_turning() -> str:
    """What a script turns into clocks; without one, a golden case before and after turning."""
    case = _case("layers.rotary", TURNED[0])
    return (
        f'<div id="rotary-turning" class="explorer">{_data(rotary_examples())}'
        f"<p>Golden case {case.id}, before and after turning:</p>"
        f"{show_array(case.inputs['x'], 'position d_head')}{show_array(case.outputs['y'], 'position d_head')}</div>"
    )


def _case(contract: str, id: str) -> Case:
    return next(case for case in SPECIFICATION.cases[contract] if case.id == id)


def _data(value: Any) -> str:
    return f'<script type="application/json">{json.dumps(value, separators=(",", ":"))}</script>'
