"""What may have happened to a weight on its way into a file and out again."""

from collections.abc import Iterator

import torch
from torch import Tensor

from llm_layers.inspection.causes.hypothesis import Hypothesis, Mismatch
from llm_layers.inspection.causes.rounding import rounded, scaled
from llm_layers.inspection.flow import layer_and_part

PARTNERS = {
    frozenset(("gate", "up")): "gate and up swapped",
    frozenset(("query", "key")): "query and key swapped",
    frozenset(("key", "value")): "key and value swapped",
    frozenset(("query", "value")): "query and value swapped",
}
Changed = Iterator[tuple[str, str, Tensor]]


def weight_hypotheses(mismatch: Mismatch, name: str) -> Iterator[Hypothesis]:
    """Predict a weight of B from those of A.

    Args:
        mismatch: where the two differ.
        name: the weight, in A; the output weight of a tied model is its table.
    """
    a, b = mismatch.a.weights[name], weight_of_b(mismatch, name)
    if b is None:
        return
    for changes in (
        _another_one(mismatch, name, b),
        _transposed(a),
        _heads(mismatch, a, name),
        _offset(a, name),
        _shifted(a, b),
    ):
        for called, says, value in changes:
            if value.shape == b.shape:
                yield Hypothesis(name=called, says=f"{name} in {{b}}: {says}", predicts={name: value})
    yield from rounded(name, a, b, f"the values of {name}")
    yield from scaled(name, a, b, name)


def weight_of_b(mismatch: Mismatch, name: str) -> Tensor | None:
    """Return a weight of B by its name in A; a bias that B does not have is one of zeros."""
    if mismatch.point == "logits":
        return mismatch.b.head_weight
    b = mismatch.b.weights.get(name)
    return torch.zeros_like(mismatch.a.weights[name]) if b is None and name.endswith("bias") else b


def _another_one(mismatch: Mismatch, name: str, b: Tensor) -> Changed:
    layer, part = layer_and_part(name)
    for other, weight in mismatch.a.weights.items():
        if weight.shape != b.shape or weight is mismatch.a.weights[name]:
            continue
        there, other_part = layer_and_part(other)
        called = "another weight"
        if there != layer and part == other_part:
            called = "another layer's weights"
        elif mismatch.point == "logits" and other == "embedding.table":
            called = "head tied to the embedding"
        elif there == layer and "." in part:
            called = PARTNERS.get(frozenset((part.split(".")[-2], other_part.split(".")[-2])), called)
        yield called, f"it is {other} of {{a}}", weight


def _transposed(a: Tensor) -> Changed:
    if a.dim() == 2 and a.shape[0] == a.shape[1]:
        yield "transposed weight", "transposed: one of the two was read as (in, out)", a.T
    elif a.dim() == 2:
        says = "the values are in the order of the transposed weight: reshaped, not transposed"
        yield "transposed weight", says, a.T.reshape(a.shape)
        yield "transposed weight", says, a.reshape(a.shape[::-1]).T


def _heads(mismatch: Mismatch, a: Tensor, name: str) -> Changed:
    """Predict that rows, or columns of the output projection, are in another order of the heads."""
    config, part = mismatch.config, layer_and_part(name)[1]
    columns = part == "attention.output.weight"
    rows = a.T if columns else a
    if not part.startswith("attention.") or part == "attention.output.bias" or len(rows) % config.d_head:
        return
    of_keys = part.startswith(("attention.key", "attention.value"))
    for called, says, changed in _orders(rows, config.kv_heads, config.d_head, of_keys):
        flat = changed.reshape(rows.shape)
        yield called, f"{'columns' if columns else 'rows'} in another order: {says}", flat.T if columns else flat


def _orders(rows: Tensor, kv_heads: int, d_head: int, of_keys: bool) -> Changed:
    heads, tail = len(rows) // d_head, rows.shape[1:]
    if d_head % 2 == 0:
        halves, pairs = rows.reshape(heads, 2, -1, *tail), rows.reshape(heads, d_head // 2, 2, *tail)
        called = "interleaved rotary pairs"
        yield called, "rotary partners are neighbors, in {a} half a head apart", halves.transpose(1, 2)
        yield called, "rotary partners are half a head apart, in {a} neighbors", pairs.transpose(1, 2)
    if heads > 1:
        by_head = rows.reshape(heads, d_head, *tail)
        yield "heads reversed", "the heads are in the opposite order", by_head.flip(0)
        split = "heads split as d_head × heads"
        yield split, "row k of all heads comes before row k + 1 of any", by_head.transpose(0, 1)
        back = rows.reshape(d_head, heads, *tail).transpose(0, 1)
        yield split, "each head's rows are together, in {a} row k of all heads is", back
    group = heads // kv_heads
    if not of_keys and group > 1 and kv_heads > 1:
        tiled, grouped = "heads in tiled order", rows.reshape(kv_heads, group, d_head, *tail).transpose(0, 1)
        yield tiled, "the first query head of every group comes first, then the second", grouped
        back = rows.reshape(group, kv_heads, d_head, *tail).transpose(0, 1)
        yield tiled, "query heads of a group are together, in {a} one of each group comes first", back


def _offset(a: Tensor, name: str) -> Changed:
    if name.endswith("gain"):
        for change, words in ((-1.0, "less 1"), (1.0, "plus 1")):
            says = f"that of {{a}} {words}: one of the two stores the gain as its distance from 1"
            yield "gain counted from one", says, a + change
        yield "gain missing", "1 everywhere", torch.ones_like(a)
    if name.endswith("bias"):
        yield "bias missing", "there is none, or one of zeros", torch.zeros_like(a)


def _shifted(a: Tensor, b: Tensor) -> Changed:
    for shift in (1, -1, 2, -2) if a.dim() == 2 and len(a) > 8 else ():
        kept = slice(shift, None) if shift > 0 else slice(None, shift)
        value = b.clone()  # what was pushed over the edge cannot be known
        value[kept] = a.roll(shift, 0)[kept]
        says = f"row i is row i {'-' if shift > 0 else '+'} {abs(shift)} of {{a}}: the rows are shifted by {abs(shift)}"
        yield "rows shifted", says, value
