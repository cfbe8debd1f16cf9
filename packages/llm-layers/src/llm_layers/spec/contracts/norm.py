"""What the norms must be."""

from llm_tokenizer.conformance import Argument, Contract

RMS_NORM = Contract(
    id="layers.rms_norm",
    clauses=(
        "The mean of the squares is taken along the last axis only; the mean of x is not subtracted.",
        "eps is added to the mean square, inside the root.",
        "The normalised vector is multiplied by gain, coordinate by coordinate.",
        "The gradient runs through the root mean square too; that of gain is summed over all leading axes.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch d_model", "the vectors"),
        Argument("gain", "d_model", "one factor per coordinate"),
        Argument("eps", None, "floor of the mean square"),
    ),
    outputs=(Argument("y", "*batch d_model", "the normalised vectors"),),
    gradients=("x", "gain"),
    page="explanation/norm",
)

LAYER_NORM = Contract(
    id="layers.layer_norm",
    clauses=(
        "Mean and variance are taken along the last axis only.",
        "The mean is subtracted, and the variance is the mean of the squares of what is left: divided by d, not d - 1.",
        "eps is added to the variance, inside the root.",
        "The result is multiplied by gain, and bias is added last; where bias is None nothing is added.",
        "A mean far from zero costs no digits: it is subtracted before the squares are taken.",
        "The gradient runs through mean and variance too; those of gain and bias are summed over all leading axes.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch d_model", "the vectors"),
        Argument("gain", "d_model", "one factor per coordinate"),
        Argument("bias", "d_model", "one number to add per coordinate, or None"),
        Argument("eps", None, "floor of the variance"),
    ),
    outputs=(Argument("y", "*batch d_model", "the normalised vectors"),),
    gradients=("x", "gain", "bias"),
    page="explanation/norm",
)

QUERY_KEY_NORM = Contract(
    id="layers.query_key_norm",
    clauses=(
        "Queries and keys are each divided by their own root mean square, along d_head only: every head of every "
        "position by itself.",
        "The queries take query_gain, the keys key_gain; a gain is the same for all heads.",
        "eps is added to the mean square, inside the root, of the queries and of the keys.",
        "The gradient runs through the roots; that of a gain is summed over all heads and positions.",
        "The number of key heads may differ from that of query heads; no position, and any memory layout, is allowed.",
    ),
    inputs=(
        Argument("query", "*batch heads position d_head", "what each position looks for"),
        Argument("key", "*batch kv_heads position d_head", "what each position offers"),
        Argument("query_gain", "d_head", "one factor per coordinate of a query"),
        Argument("key_gain", "d_head", "one factor per coordinate of a key"),
        Argument("eps", None, "floor of the mean square"),
    ),
    outputs=(
        Argument("normed_query", "*batch heads position d_head", "the normalised queries"),
        Argument("normed_key", "*batch kv_heads position d_head", "the normalised keys"),
    ),
    gradients=("query", "key", "query_gain", "key_gain"),
    page="explanation/norm",
)

CONTRACTS = (RMS_NORM, LAYER_NORM, QUERY_KEY_NORM)
