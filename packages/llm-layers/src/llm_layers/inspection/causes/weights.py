"""What may have happened to a weight on its way into a file and out again."""

from collections.abc import Iterator

import torch
from torch import Tensor

from llm_layers.inspection.causes.guess import Guess, Scene, head_of
from llm_layers.inspection.causes.rounding import rounded
from llm_layers.inspection.flow import layer_and_part

PARTNERS = {
    frozenset(("gate", "up")): "gate and up swapped",
    frozenset(("query", "key")): "query and key swapped",
    frozenset(("key", "value")): "key and value swapped",
    frozenset(("query", "value")): "query and value swapped",
}


def weight_guesses(scene: Scene, name: str) -> Iterator[Guess]:
    """Guess how a weight of B came from those of A.

    Args:
        scene: where the two part.
        name: the weight, in A; the output weight of a tied model is its table.
    """
    a = scene.a.weights[name]
    b = weight_of_b(scene, name)
    if b is None:
        return
    yield from _another_one(scene, name, b)
    if a.dim() == 2:
        yield from _turned(a, name)
    yield from _heads(scene, a, name)
    if a.dim() == 1:
        yield from _counted(scene, a, name)
    if a.dim() == 2:
        for shift in (1, -1, 2):
            says = f"row i of {name} in {{b}} is row {_index(-shift)} in {{a}}: the rows are shifted by {abs(shift)}"
            moved = a.roll(shift, 0)
            kept = slice(shift, None) if shift > 0 else slice(None, shift)
            value = b.clone()
            value[kept] = moved[kept]  # what was pushed over the edge cannot be known
            yield Guess(name="rows shifted", says=says, value=value if len(a) > 4 * abs(shift) else None)
    yield from rounded(a, b, f"the numbers of {name}")
    yield from factor(a, b, name)


def weight_of_b(scene: Scene, name: str) -> Tensor | None:
    """Find a weight in B by its name in A; a bias that B does not have is one of zeros."""
    if scene.point == "logits":
        return head_of(scene.b)
    b = scene.b.weights.get(name)
    return torch.zeros_like(scene.a.weights[name]) if b is None and name.endswith("bias") else b


def factor(a: Tensor, b: Tensor, what: str) -> Iterator[Guess]:
    """Guess that all numbers are multiplied by one."""
    square = (a.double() * a.double()).sum()
    if not square > 0:
        return
    c = ((a.double() * b.double()).sum() / square).item()
    if abs(c) < 1e-12:
        yield Guess(name="zeros", says=f"{what} is all zeros in {{b}}", value=torch.zeros_like(a))
    elif abs(c + 1) < 1e-4:
        yield Guess(name="sign turned", says=f"{what} has the other sign in {{b}}", value=-a)
    else:
        yield Guess(name="a factor", says=f"{what} in {{b}} is {c:.6g} times that in {{a}}", value=a * c)


def _another_one(scene: Scene, name: str, b: Tensor) -> Iterator[Guess]:
    """Guess that B holds another weight of A under this name."""
    layer, part = layer_and_part(name)
    for other, weight in scene.a.weights.items():
        if other == name or weight.shape != b.shape or weight is scene.a.weights[name]:
            continue
        there, other_part = layer_and_part(other)
        if there != layer and part == other_part:
            called = "another layer's weights"
        elif scene.point == "logits" and other == "embedding.table":
            called = "head tied to the embedding"
        else:
            words = frozenset((part.split(".")[-2], other_part.split(".")[-2])) if "." in part else frozenset()
            called = PARTNERS.get(words, "another weight") if there == layer else "another weight"
        yield Guess(name=called, says=f"{name} of {{b}} is {other} of {{a}}", value=weight)


def _turned(a: Tensor, name: str) -> Iterator[Guess]:
    if a.shape[0] == a.shape[1]:
        says = f"{name} of {{b}} is that of {{a}} transposed: one of the two was read as (in, out)"
        yield Guess(name="transposed weight", says=says, value=a.T)
        return
    says = f"{name} of {{b}} holds the numbers of {{a}} in the order of the transposed weight: reshaped, not transposed"
    yield Guess(name="transposed weight", says=says, value=a.T.reshape(a.shape))
    yield Guess(name="transposed weight", says=says, value=a.reshape(a.shape[::-1]).T)


def _heads(scene: Scene, a: Tensor, name: str) -> Iterator[Guess]:
    """Guess that rows, or columns of the output weight, stand in another order of the heads."""
    config, part = scene.config, layer_and_part(name)[1]
    if not part.startswith("attention."):
        return
    of_keys = part.startswith(("attention.key", "attention.value"))
    columns = part == "attention.output.weight"
    if part == "attention.output.bias" or (len(a) % config.d_head and not columns):
        return
    rows = a.T if columns else a
    heads = rows.shape[0] // config.d_head
    for called, what, changed in _orders(rows, heads, config.kv_heads, config.d_head, of_keys):
        says = f"{'columns' if columns else 'rows'} of {name} in {{b}}: {what}"
        yield Guess(name=called, says=says, value=changed.T if columns else changed)


def _orders(rows: Tensor, heads: int, kv_heads: int, d_head: int, of_keys: bool) -> Iterator[tuple[str, str, Tensor]]:
    tail = rows.shape[1:]
    if d_head % 2 == 0:
        halves, pairs = rows.reshape(heads, 2, d_head // 2, *tail), rows.reshape(heads, d_head // 2, 2, *tail)
        called = "interleaved rotary pairs"
        yield (
            called,
            "rotary partners stand side by side, in {a} half a head apart",
            _flat(halves.transpose(1, 2), rows),
        )
        yield called, "rotary partners stand half a head apart, in {a} side by side", _flat(pairs.transpose(1, 2), rows)
    if heads > 1:
        by_head = rows.reshape(heads, d_head, *tail)
        yield "heads reversed", "the heads stand in the opposite order", _flat(by_head.flip(0), rows)
        split = "heads split as d_head × heads"
        yield split, "number k of all heads comes before number k + 1 of any", _flat(by_head.transpose(0, 1), rows)
        back = rows.reshape(d_head, heads, *tail).transpose(0, 1)
        yield split, "each head's numbers stand together, in {a} number k of all heads does", _flat(back, rows)
    group = heads // kv_heads
    if not of_keys and group > 1 and kv_heads > 1:
        tiled = "heads in tiled order"
        grouped = rows.reshape(kv_heads, group, d_head, *tail).transpose(0, 1)
        yield tiled, "the first query head of every group comes first, then the second", _flat(grouped, rows)
        back = rows.reshape(group, kv_heads, d_head, *tail).transpose(0, 1)
        yield tiled, "query heads of a group stand together, in {a} one of each group comes first", _flat(back, rows)


def _flat(x: Tensor, like: Tensor) -> Tensor:
    return x.reshape(like.shape)


def _counted(scene: Scene, a: Tensor, name: str) -> Iterator[Guess]:
    if name.endswith("gain"):
        less = f"{name} of {{b}} is that of {{a}} less 1: one of the two stores the gain as its distance from 1"
        more = f"{name} of {{b}} is that of {{a}} plus 1: one of the two stores the gain as its distance from 1"
        yield Guess(name="gain counted from one", says=less, value=a - 1)
        yield Guess(name="gain counted from one", says=more, value=a + 1)
        yield Guess(name="gain missing", says=f"{name} of {{b}} is 1 everywhere", value=torch.ones_like(a))
    if name.endswith("bias"):
        says = f"{{b}} has no {name}, or one of zeros"
        yield Guess(name="bias missing", says=says, value=torch.zeros_like(a))


def _index(shift: int) -> str:
    return f"i {'+' if shift > 0 else '-'} {abs(shift)}"
