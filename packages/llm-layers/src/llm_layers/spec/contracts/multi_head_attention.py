"""What heads must be: several attentions side by side, and how they share keys and values."""

from llm_tokenizer.conformance import Argument, Contract

_MASK = Argument(
    "mask", "query_position key_position", "True where a query may see a key, in all heads; None: all of them"
)

SPLIT_HEADS = Contract(
    id="layers.split_heads",
    clauses=(
        "A head is a block of neighbouring numbers: the first d_head numbers are head 0.",
        "The heads stand before the positions.",
        "The gradient goes back to where each number came from.",
        "Leading axes are kept; axes may be empty; the memory layout is free.",
        "A number of heads that does not divide the width is refused.",
    ),
    inputs=(
        Argument("x", "*batch position heads*d_head", "the vectors"),
        Argument("heads", None, "how many pieces"),
    ),
    outputs=(Argument("y", "*batch heads position d_head", "the same numbers, head by head"),),
    gradients=("x",),
    page="explanation/attention",
)

MERGE_HEADS = Contract(
    id="layers.merge_heads",
    clauses=(
        "Head 0 comes first, then head 1, each with its numbers in order.",
        "Only the heads of the same position are joined.",
        "The gradient goes back to where each number came from.",
        "Leading axes are kept; axes may be empty; the memory layout is free.",
    ),
    inputs=(Argument("x", "*batch heads position d_head", "the heads"),),
    outputs=(Argument("y", "*batch position heads*d_head", "one vector a position"),),
    gradients=("x",),
    page="explanation/attention",
)

MULTI_HEAD_ATTENTION = Contract(
    id="layers.multi_head_attention",
    clauses=(
        "Queries, keys and values are x times their weight, stored (out, in); there is no bias.",
        "A head is a block of neighbouring rows of the weights; its scores are divided by the root of d_head.",
        "Each head has a softmax of its own.",
        "The heads are joined in order, and the output weight leads back to d_model.",
        "The mask is the same for all heads; a hidden key gets a share of zero; null hides nothing.",
        "A query that may see nothing gives zeros.",
        "The gradient reaches x on all three ways, and each weight.",
        "heads · d_head need not be d_model.",
        "Leading axes are kept; axes may be empty; the memory layout is free.",
    ),
    inputs=(
        Argument("x", "*batch position d_model", "the positions"),
        Argument("query", "heads*d_head d_model", "weight of the queries"),
        Argument("key", "heads*d_head d_model", "weight of the keys"),
        Argument("value", "heads*d_head d_model", "weight of the values"),
        Argument("output", "d_model heads*d_head", "weight from the joined heads to d_model"),
        Argument("heads", None, "how many heads"),
        _MASK,
    ),
    outputs=(Argument("y", "*batch position d_model", "what each position has gathered"),),
    gradients=("x", "query", "key", "value", "output"),
    page="explanation/attention",
)

GROUPED_QUERY_ATTENTION = Contract(
    id="layers.grouped_query_attention",
    clauses=(
        "Query heads 0 … g - 1 share key/value head 0, the next g share head 1, and so on.",
        "Keys and values are shared in the same way.",
        "Scores are divided by the root of d_head; each query head has a softmax of its own.",
        "The mask is the same for all heads; a query that may see nothing gets zeros.",
        "The gradient of a key or value head is the sum over the query heads that share it.",
        "With kv_heads = heads it is multi-head attention, with kv_heads = 1 multi-query attention.",
        "Leading axes are kept; axes may be empty; the memory layout is free.",
        "A number of query heads that is no multiple of kv_heads is refused.",
    ),
    inputs=(
        Argument("query", "*batch heads query_position d_head", "what is looked for"),
        Argument("key", "*batch kv_heads key_position d_head", "what is on offer"),
        Argument("value", "*batch kv_heads key_position d_head", "what is handed out"),
        _MASK,
    ),
    outputs=(Argument("y", "*batch heads query_position d_head", "the mixed values"),),
    gradients=("query", "key", "value"),
    page="explanation/attention",
)

MULTI_QUERY_ATTENTION = Contract(
    id="layers.multi_query_attention",
    clauses=(
        "All query heads meet the same keys and values.",
        "Scores are divided by the root of d_head; each query head has a softmax of its own.",
        "The mask is the same for all heads; a query that may see nothing gets zeros; null hides nothing.",
        "The gradients of key and value are summed over all query heads.",
        "Leading axes are kept; axes may be empty; the memory layout is free.",
    ),
    inputs=(
        Argument("query", "*batch heads query_position d_head", "what is looked for"),
        Argument("key", "*batch key_position d_head", "what is on offer, without an axis for heads"),
        Argument("value", "*batch key_position d_head", "what is handed out"),
        _MASK,
    ),
    outputs=(Argument("y", "*batch heads query_position d_head", "the mixed values"),),
    gradients=("query", "key", "value"),
    page="explanation/attention",
)

CACHED_ATTENTION = Contract(
    id="layers.cached_attention",
    clauses=(
        "The new queries see the kept keys and values and the new ones.",
        "A query sees no key whose position is later than its own; it sees itself.",
        "Positions are compared, not indices: the kept ones need not start at 0, may have gaps, any order and later "
        "positions than a query's.",
        "Kept keys are used as they are: they were turned when they were new.",
        "With nothing kept it is causal attention; with a single new position and all kept ones before it nothing is "
        "hidden.",
        "The gradient reaches the kept and the new alike.",
        "Leading axes are kept; axes may be empty; the memory layout is free.",
    ),
    inputs=(
        Argument("query", "*batch query_position d_head", "of the new positions"),
        Argument("key", "*batch query_position d_head", "of the new positions"),
        Argument("value", "*batch query_position d_head", "of the new positions"),
        Argument("positions", "query_position", "where the new ones stand"),
        Argument("past_key", "*batch past_position d_head", "the kept keys"),
        Argument("past_value", "*batch past_position d_head", "the kept values"),
        Argument("past_positions", "past_position", "where the kept ones stand"),
    ),
    outputs=(Argument("y", "*batch query_position d_head", "the mixed values"),),
    gradients=("query", "key", "value", "past_key", "past_value"),
    page="explanation/cache",
)

CONTRACTS = (
    SPLIT_HEADS,
    MERGE_HEADS,
    MULTI_HEAD_ATTENTION,
    GROUPED_QUERY_ATTENTION,
    MULTI_QUERY_ATTENTION,
    CACHED_ATTENTION,
)
