"""What attention must be."""

from llm_tokenizer.conformance import Argument, Contract

SOFTMAX = Contract(
    id="layers.softmax",
    clauses=(
        "The shares add up to one along the given axis, which need not be the last.",
        "Scores of any size give finite shares.",
        "Each slice along the axis has a largest score of its own: slices do not see each other.",
        "The gradient is y · (dy - Σ dy · y) along the axis.",
    ),
    inputs=(
        Argument("scores", "...", "any shape"),
        Argument("axis", None, "the axis along which the shares add up to one"),
    ),
    outputs=(Argument("y", "...", "the shares"),),
    gradients=("scores",),
    page="explanation/attention",
)

CAUSAL_MASK = Contract(
    id="layers.causal_mask",
    clauses=(
        "True means: may attend. A query sees the keys at its own position and before it.",
        "Positions are compared, not indices: with a cache the first query stands behind many keys.",
        "Positions may be in any order and repeated.",
        "Leading axes are kept; axes may be empty.",
    ),
    inputs=(
        Argument("query_positions", "*batch query_position", "where the queries stand"),
        Argument("key_positions", "*batch key_position", "where the keys stand"),
    ),
    outputs=(Argument("mask", "*batch query_position key_position", "True where a query may see a key"),),
    page="explanation/attention",
)

SLIDING_WINDOW_MASK = Contract(
    id="layers.sliding_window_mask",
    clauses=(
        "A query sees the keys at its own position and at the window - 1 positions before it: window positions in all.",
        "Nothing later than the query is seen.",
        "Positions are compared, not indices.",
        "Positions may be in any order and repeated.",
        "Leading axes are kept; axes may be empty; the memory layout is free.",
        "A window below 1 is refused.",
    ),
    inputs=(
        Argument("query_positions", "*batch query_position", "where the queries stand"),
        Argument("key_positions", "*batch key_position", "where the keys stand"),
        Argument("window", None, "how many positions a query sees, itself included"),
    ),
    outputs=(Argument("mask", "*batch query_position key_position", "True where a query may see a key"),),
    page="explanation/attention",
)

SOFT_CAP = Contract(
    id="layers.soft_cap",
    clauses=(
        "The result lies between -cap and cap, and its sign is that of the score.",
        "Scores far below the cap pass unchanged.",
        "Scores of any size give finite results.",
        "The gradient is dy · (1 - tanh²(s / cap)).",
        "Any shape, of any length and memory layout, is allowed.",
        "A cap that is not positive is refused.",
    ),
    inputs=(Argument("scores", "...", "any shape"), Argument("cap", None, "the limit, positive")),
    outputs=(Argument("y", "...", "the scores, held"),),
    gradients=("scores",),
    page="explanation/attention",
)

ATTENTION = Contract(
    id="layers.attention",
    clauses=(
        "Scores are dot products divided by the root of d_head.",
        "The softmax runs over the keys.",
        "A hidden key (mask False) gets a share of exactly zero, and the other shares add up to one.",
        "A query that may see nothing gets zeros, and no gradient comes from it.",
        "Scores of any size give finite results.",
        "Without a mask (null) every query sees every key.",
        "Numbers of queries and keys may differ and be zero; the memory layout is free.",
    ),
    inputs=(
        Argument("query", "*batch query_position d_head", "what is looked for"),
        Argument("key", "*batch key_position d_head", "what is on offer"),
        Argument("value", "*batch key_position d_head", "what is handed out"),
        Argument(
            "mask", "query_position key_position", "True where a query may see a key; None: every query sees every key"
        ),
    ),
    outputs=(Argument("y", "*batch query_position d_head", "the mixed values"),),
    gradients=("query", "key", "value"),
    page="explanation/attention",
)

CAPPED_ATTENTION = Contract(
    id="layers.capped_attention",
    clauses=(
        "The scores, divided by the root of d_head, go through cap · tanh(s / cap) before the softmax.",
        "The mask acts after the cap: a hidden key gets a share of exactly zero.",
        "A query that may see nothing gets zeros, and no gradient comes from it.",
        "The gradient runs through the cap.",
        "Scores of any size give finite results.",
        "Without a mask (null) every query sees every key.",
        "Numbers of queries and keys may differ and be zero; the memory layout is free.",
        "A cap that is not positive is refused.",
    ),
    inputs=(
        Argument("query", "*batch query_position d_head", "what is looked for"),
        Argument("key", "*batch key_position d_head", "what is on offer"),
        Argument("value", "*batch key_position d_head", "what is handed out"),
        Argument(
            "mask", "query_position key_position", "True where a query may see a key; None: every query sees every key"
        ),
        Argument("cap", None, "the limit of a score, positive"),
    ),
    outputs=(Argument("y", "*batch query_position d_head", "the mixed values"),),
    gradients=("query", "key", "value"),
    page="explanation/attention",
)

CONTRACTS = (
    SOFTMAX,
    CAUSAL_MASK,
    SLIDING_WINDOW_MASK,
    ATTENTION,
    SOFT_CAP,
    CAPPED_ATTENTION,
)
