"""What attention must be."""

from llm_tokenizer.spec import Argument, Contract

SOFTMAX = Contract(
    id="layers.softmax",
    summary="Turn scores into shares that are positive and add up to one.",
    formula=r"y_i = \frac{e^{s_i - m}}{\sum_j e^{s_j - m}}, \quad m = \max_j s_j",
    why="The exponential makes every score positive and a difference of scores a ratio of shares. Adding a number "
    "to all scores changes nothing, so the largest is taken out first and nothing overflows.",
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
    source="Bridle 1990, Probabilistic Interpretation of Feedforward Classification Network Outputs",
)

CAUSAL_MASK = Contract(
    id="layers.causal_mask",
    summary="Say which keys each query may attend to.",
    formula=r"M_{ij} = [\,\mathrm{key}_j \le \mathrm{query}_i\,]",
    why="A model that saw the next token would copy it instead of predicting it. With the future hidden, every "
    "position of a text is a lesson of its own.",
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
    source="Vaswani et al. 2017, arXiv:1706.03762",
)

ATTENTION = Contract(
    id="layers.attention",
    summary="Give each query the average of the values, weighted by how well their keys match it.",
    formula=r"y = \mathrm{softmax}\!\left(\frac{q k^\top}{\sqrt{d}} + \log M\right) v",
    why="It is a soft dictionary: queries ask, keys offer, the softmax turns matches into shares, the shares mix the "
    "values. The root of d keeps the scores near one, where the softmax still has a gradient.",
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
    source="Vaswani et al. 2017, arXiv:1706.03762",
)

CONTRACTS = (
    SOFTMAX,
    CAUSAL_MASK,
    ATTENTION,
)
