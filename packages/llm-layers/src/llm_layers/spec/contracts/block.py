"""What the transformer block must be."""

from llm_tokenizer.conformance import Argument, Contract

BLOCK = Contract(
    id="layers.block",
    function="Block",
    clauses=(
        "Both halves are added to the stream; the second reads the sum that the first has made.",
        "Each half reads the stream through a norm of its own; the stream itself is never normalised.",
        "Queries and keys are split into heads, normalised per head (each with its gain) and then turned by their "
        "positions; values are neither.",
        "Neighbouring query heads share a key/value head: query head i uses head i // (heads / kv_heads).",
        "A position sees the positions that are not later than its own, by position, not by index.",
        "The heads' results are joined in the order of the heads before the output weight.",
        "All norms use the given eps.",
        "Any number of positions, none included, and any memory layout is allowed.",
    ),
    inputs=(
        Argument("x", "batch position d_model", "the stream"),
        Argument("positions", "position", "where the vectors stand"),
        Argument("attention_norm", "d_model", "gain before attention"),
        Argument("query", "heads*d_head d_model", "query weight, (out, in)"),
        Argument("key", "kv_heads*d_head d_model", "key weight"),
        Argument("value", "kv_heads*d_head d_model", "value weight"),
        Argument("query_norm", "d_head", "gain of the queries"),
        Argument("key_norm", "d_head", "gain of the keys"),
        Argument("output", "d_model heads*d_head", "output weight"),
        Argument("feed_forward_norm", "d_model", "gain before the feed-forward part"),
        Argument("gate", "d_ff d_model", "gate weight"),
        Argument("up", "d_ff d_model", "up weight"),
        Argument("down", "d_model d_ff", "down weight"),
        Argument("heads", None, "number of query heads"),
        Argument("kv_heads", None, "number of key/value heads, a divisor of heads"),
        Argument("rope_base", None, "sets the slowest rotary speed"),
        Argument("eps", None, "floor of the mean square in all norms"),
    ),
    outputs=(Argument("y", "batch position d_model", "the stream after the block"),),
    gradients=(
        "x", "attention_norm", "query", "key", "value", "query_norm", "key_norm", "output", "feed_forward_norm",
        "gate", "up", "down",
    ),
    page="explanation/block",
)  # fmt: skip

CONTRACTS = (BLOCK,)
