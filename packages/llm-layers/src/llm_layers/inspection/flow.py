"""The names of the tensors inside a model, in the order in which data flows through them.

Tensors that come out of a module carry the module's name; the others are called as in TransformerLens: `resid_pre`,
`rot_q`, `rot_k`, `mask`, `scores`, `pattern`, `z`, `resid_mid`, `post`, `resid_post`.
"""

from collections.abc import Collection

NORMS = {
    "attention_norm": "resid_pre",
    "attention_output_norm": "attention.output",
    "feed_forward_norm": "resid_mid",
    "feed_forward_output_norm": "feed_forward.output",
}
"""Norm of a block -> its input."""

BLOCK = (
    "resid_pre",  # the residual stream as it enters the block
    "attention_norm",
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.query_norm",
    "attention.key_norm",
    "attention.rot_q",  # input of the attention kernel
    "attention.rot_k",
    "attention.mask",  # 1 where a query may attend to a key
    "attention.scores",
    "attention.pattern",  # the attention weights: softmax of the scores
    "attention.z",  # the heads' outputs, side by side, before the output projection
    "attention.output",
    "attention_output_norm",
    "resid_mid",  # the residual stream after attention
    "feed_forward_norm",
    "feed_forward.router",
    "feed_forward.gate",
    "feed_forward.up",
    "feed_forward.post",  # input of the down projection
    "feed_forward.output",
    "feed_forward_output_norm",
)

PRODUCTS = {
    **{f"attention.{part}": ("attention_norm", "resid_pre") for part in ("query", "key", "value")},
    "attention.output": ("attention.z",),
    **{f"feed_forward.{part}": ("feed_forward_norm", "resid_mid") for part in ("gate", "up", "router")},
    "feed_forward.output": ("feed_forward.post",),
}
"""Output of a linear layer -> its input: the first of these that the model has."""

ON_THE_WAY = {
    "attention.query_norm": ("attention.query",),
    "attention.key_norm": ("attention.key",),
    "attention.rot_q": ("attention.query", "attention.query_norm"),
    "attention.rot_k": ("attention.key", "attention.key_norm"),
    "attention.z": ("attention.value",),
    "feed_forward.output": ("feed_forward.gate", "feed_forward.up"),
}
"""Point -> points before it that a fused kernel does not show."""


def flow(layers: int) -> tuple[str, ...]:
    """Return the names of all points of a model with this number of blocks; a design has most of them, not all."""
    blocks = [f"blocks.{layer}.{part}" for layer in range(layers) for part in BLOCK]
    return ("embedding", *blocks, "resid_post", "final_norm", "logits")


def layer_and_part(point: str) -> tuple[int | None, str]:
    """Split "blocks.3.attention.query" into 3 and "attention.query"; points outside the blocks have no number."""
    if not point.startswith("blocks."):
        return None, point
    _, number, part = point.split(".", 2)
    return int(number), part


def weights_of(point: str, names: Collection[str]) -> list[str]:
    """Return the names of the weights, out of `names`, that compute a point from those before it."""
    layer, part = layer_and_part(point)
    if point == "logits":
        candidates = ["head.weight"] if "head.weight" in names else ["embedding.table"]
    elif point == "embedding":
        candidates = ["embedding.table"]
    elif layer == 0 and part == "resid_pre":
        candidates = ["positions.table"] if "positions.table" in names else ["embedding.table"]
    elif part == "feed_forward.output":
        stem = f"blocks.{layer}.feed_forward."
        candidates = [stem + end for end in ("down.weight", "down.bias", "gate", "up", "down")]  # the last: of experts
    else:
        candidates = [f"{point}.{kind}" for kind in ("weight", "gain", "bias")]
    return [name for name in candidates if name in names]


def hidden_weights_of(point: str, names: Collection[str], seen: Collection[str]) -> list[str]:
    """Return the weights used on the way to a point at points that cannot be seen, because a kernel fuses them."""
    layer, part = layer_and_part(point)
    places = [f"blocks.{layer}.{before}" for before in ON_THE_WAY.get(part, ())]
    return [name for place in places if place not in seen for name in weights_of(place, names)]
