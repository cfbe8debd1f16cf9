"""What attention must be."""

from llm_tokenizer.conformance import Argument, Contract

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

SLIDING_WINDOW_MASK = Contract(
    id="layers.sliding_window_mask",
    summary="Let each query see only the last positions, its own among them.",
    formula=r"M_{ij} = [\,\mathrm{query}_i - w < \mathrm{key}_j \le \mathrm{query}_i\,]",
    why="Most of what a word needs stands close by. With a window the work per position and the cache stop growing "
    "with the text; what is farther away comes through the layers, each of which looks one window further back.",
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
    source="Beltagy et al. 2020, arXiv:2004.05150; Jiang et al. 2023, arXiv:2310.06825",
)

SOFT_CAP = Contract(
    id="layers.soft_cap",
    summary="Hold scores between -cap and cap without a corner.",
    formula=r"y = c \tanh\frac{s}{c}",
    why="A score that runs away takes the whole softmax. tanh leaves small scores as they are and presses large ones "
    "against the cap; unlike clipping it lets a gradient through, so that a large score can come back.",
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
    source="Bello et al. 2016, arXiv:1611.09940; Gemma Team 2024, arXiv:2408.00118",
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

CAPPED_ATTENTION = Contract(
    id="layers.capped_attention",
    summary="Attend with scores that are held between -cap and cap.",
    formula=r"y = \mathrm{softmax}\!\left(c \tanh\frac{q k^\top}{c \sqrt{d}} + \log M\right) v",
    why="With all scores within the cap no key can win by more than exp(2 cap), so every key that may be seen keeps a "
    "share and a gradient, however long queries and keys grow.",
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
    source="Gemma Team 2024, arXiv:2408.00118",
)

CONTRACTS = (
    SOFTMAX,
    CAUSAL_MASK,
    SLIDING_WINDOW_MASK,
    ATTENTION,
    SOFT_CAP,
    CAPPED_ATTENTION,
)
