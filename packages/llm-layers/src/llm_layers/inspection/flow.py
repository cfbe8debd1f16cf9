"""The places inside a model that can be looked at, in the order in which data flows through them."""

from collections.abc import Collection

NORMS = {
    "attention_norm": "stream",
    "attention_output_norm": "attention.output",
    "feed_forward_norm": "between",
    "feed_forward_output_norm": "feed_forward.output",
}
"""Norm of a block -> the point that it reads."""

BLOCK = (
    "stream",  # what enters the block
    "attention_norm",
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.query_norm",
    "attention.key_norm",
    "attention.turned_query",  # what the kernel is given
    "attention.turned_key",
    "attention.visible",  # 1 where a query may see a key
    "attention.scores",
    "attention.shares",
    "attention.gathered",  # what the heads bring, side by side, before the output weight
    "attention.output",
    "attention_output_norm",
    "between",  # the stream behind attention
    "feed_forward_norm",
    "feed_forward.router",
    "feed_forward.gate",
    "feed_forward.up",
    "feed_forward.inner",  # what the down weight is given
    "feed_forward.output",
    "feed_forward_output_norm",
)

PRODUCTS = {
    **{f"attention.{part}": ("attention_norm", "stream") for part in ("query", "key", "value")},
    "attention.output": ("attention.gathered",),
    **{f"feed_forward.{part}": ("feed_forward_norm", "between") for part in ("gate", "up", "router")},
    "feed_forward.output": ("feed_forward.inner",),
}
"""Product with a weight -> what it reads: the first of these that is there."""

ON_THE_WAY = {
    "attention.query_norm": ("attention.query",),
    "attention.key_norm": ("attention.key",),
    "attention.turned_query": ("attention.query", "attention.query_norm"),
    "attention.turned_key": ("attention.key", "attention.key_norm"),
    "attention.gathered": ("attention.value",),
    "feed_forward.output": ("feed_forward.gate", "feed_forward.up"),
}
"""Point -> points before it that a model in larger pieces does not show."""


def flow(layers: int) -> tuple[str, ...]:
    """Give the names of all points of a model with so many blocks; a design has most of them, not all."""
    blocks = [f"blocks.{layer}.{part}" for layer in range(layers) for part in BLOCK]
    return ("embedding", *blocks, "stream", "final_norm", "logits")


def layer_and_part(point: str) -> tuple[int | None, str]:
    """Take "blocks.3.attention.query" apart into 3 and "attention.query"; points outside the blocks have no number."""
    if not point.startswith("blocks."):
        return None, point
    _, number, part = point.split(".", 2)
    return int(number), part


def weights_of(point: str, names: Collection[str]) -> list[str]:
    """Give the names of the weights, out of `names`, that are used to make a point from those before it."""
    layer, part = layer_and_part(point)
    if point == "logits":
        candidates = ["head.weight"] if "head.weight" in names else ["embedding.table"]
    elif point == "embedding":
        candidates = ["embedding.table"]
    elif layer == 0 and part == "stream":
        candidates = ["positions.table"] if "positions.table" in names else ["embedding.table"]
    elif part == "feed_forward.output":
        stem = f"blocks.{layer}.feed_forward."
        candidates = [stem + end for end in ("down.weight", "down.bias", "gate", "up", "down")]  # the last: of experts
    else:
        candidates = [f"{point}.{kind}" for kind in ("weight", "gain", "bias")]
    return [name for name in candidates if name in names]


def hidden_weights_of(point: str, names: Collection[str], seen: Collection[str]) -> list[str]:
    """Give the weights used on the way to a point at places that cannot be seen, as where several steps are one."""
    layer, part = layer_and_part(point)
    places = [f"blocks.{layer}.{before}" for before in ON_THE_WAY.get(part, ())]
    return [name for place in places if place not in seen for name in weights_of(place, names)]
