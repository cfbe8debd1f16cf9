"""What the norms must be."""

from llm_tokenizer.conformance import Argument, Contract

RMS_NORM = Contract(
    id="layers.rms_norm",
    summary="Divide each vector by its root mean square and scale it by a learned gain.",
    formula=r"y = g \odot \frac{x}{\sqrt{\tfrac{1}{d}\sum_i x_i^2 + \epsilon}}",
    why="The stream grows with depth. Dividing by the root mean square keeps the direction, which carries the "
    "meaning, and sets the size; eps is a floor for the mean square, so that zeros stay zeros.",
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
    source="Zhang and Sennrich 2019, arXiv:1910.07467",
)

LAYER_NORM = Contract(
    id="layers.layer_norm",
    summary="Move each vector to mean 0 and variance 1, then scale and shift each coordinate as learned.",
    formula=r"y = g \odot \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + b, \quad "
    r"\mu = \tfrac{1}{d}\sum_i x_i, \quad \sigma^2 = \tfrac{1}{d}\sum_i (x_i - \mu)^2",
    why="A weight that is trained on inputs of one size and one middle need not relearn when the layers below change "
    "both. Each vector is measured by its own numbers only, whatever else is in the batch.",
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
    source="Ba, Kiros and Hinton 2016, arXiv:1607.06450",
)

QUERY_KEY_NORM = Contract(
    id="layers.query_key_norm",
    summary="Normalise each query and each key within its head, before they are turned and compared.",
    formula=r"q' = g_q \odot \frac{q}{\sqrt{\tfrac{1}{d_h}\sum_i q_i^2 + \epsilon}}, \quad "
    r"k' = g_k \odot \frac{k}{\sqrt{\tfrac{1}{d_h}\sum_i k_i^2 + \epsilon}}",
    why="A score is the product of two lengths and the cosine of an angle. Nothing else holds the lengths in check; "
    "when they grow, the softmax picks one position and passes no gradient. With both set, the angle decides.",
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
    source="Henry et al. 2020, arXiv:2010.04245; Dehghani et al. 2023, arXiv:2302.05442",
)

CONTRACTS = (RMS_NORM, LAYER_NORM, QUERY_KEY_NORM)
