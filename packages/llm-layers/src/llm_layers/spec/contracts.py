"""The contracts of the layers: signature, numbered clauses, and why each part works."""

from llm_layers.spec.block_contract import BLOCK
from llm_tokenizer.spec import Argument, Contract

EMBEDDING = Contract(
    id="layers.embedding",
    summary="Look up one row of a table per token id.",
    formula=r"y_i = T_{\mathrm{ids}_i}",
    why="An id is a name, not a quantity. The table gives each name a point in space, and training moves the points "
    "until tokens that are used alike lie near each other. A row that is used twice collects both gradients.",
    clauses=(
        "The output has the shape of ids with the axis d_model added, and holds row ids[i] of the table at i.",
        "A row that is used several times has the sum of its uses' gradients; a row that is not used has zero.",
        "Ids may have any number of axes, none and empty ones included.",
        "No id is special: row 0 is a row like any other.",
    ),
    inputs=(
        Argument("ids", "*batch", "token ids from 0 to vocab - 1"),
        Argument("table", "vocab d_model", "one row per token"),
    ),
    outputs=(Argument("y", "*batch d_model", "the rows"),),
    gradients=("table",),
    page="explanation/embedding",
    source="Bengio et al. 2003, A Neural Probabilistic Language Model",
)

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

ROTARY = Contract(
    id="layers.rotary",
    summary="Turn pairs of coordinates by angles that grow with the position.",
    formula=r"\begin{pmatrix} y_k \\ y_{k+d/2} \end{pmatrix} = R\!\left(p\, b^{-2k/d}\right)"
    r"\begin{pmatrix} x_k \\ x_{k+d/2} \end{pmatrix}",
    why="A dot product of two turned arrows depends only on the angle between them. Turn query and key by their own "
    "positions, and the difference of the positions is what attention sees: distance, not place.",
    clauses=(
        "Coordinate k is paired with coordinate k + d_head/2 (halved, not interleaved).",
        "The pair k is turned counter-clockwise by position · base^(-2k/d_head); position 0 changes nothing.",
        "Positions are the given ones: in any order, repeated, not starting at 0.",
        "Positions broadcast against x without its last axis.",
        "The gradient is the upstream gradient turned back.",
    ),
    inputs=(
        Argument("x", "*batch position d_head", "queries or keys; d_head is even"),
        Argument("positions", "*batch position", "whole numbers; broadcast over leading axes"),
        Argument("base", None, "sets the slowest speed"),
    ),
    outputs=(Argument("y", "*batch position d_head", "the turned vectors"),),
    gradients=("x",),
    page="explanation/position",
    source="Su et al. 2021, arXiv:2104.09864",
)

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

SWIGLU = Contract(
    id="layers.swiglu",
    summary="Widen each vector twice, let one copy gate the other, narrow the product.",
    formula=r"y = W_{\mathrm{down}} \left(\mathrm{silu}(W_{\mathrm{gate}} x) \odot W_{\mathrm{up}} x\right),"
    r"\quad \mathrm{silu}(a) = \frac{a}{1 + e^{-a}}",
    why="Each hidden unit is a small question (gate) with an answer (up): the question decides how much of the answer "
    "passes. SiLU bends smoothly, so a unit that is off still gets a gradient.",
    clauses=(
        "The gate goes through SiLU, a · sigmoid(a); the up projection goes through nothing.",
        "Gate and up are multiplied, coordinate by coordinate.",
        "Weights are stored (out, in) and have no bias.",
        "Gate inputs of any size give finite results and gradients.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch d_model", "the vectors"),
        Argument("gate", "d_ff d_model", "the questions"),
        Argument("up", "d_ff d_model", "the answers"),
        Argument("down", "d_model d_ff", "back to the width of the stream"),
    ),
    outputs=(Argument("y", "*batch d_model", "what was worked out"),),
    gradients=("x", "gate", "up", "down"),
    page="explanation/feed_forward",
    source="Shazeer 2020, arXiv:2002.05202",
)

CROSS_ENTROPY = Contract(
    id="layers.cross_entropy",
    summary="Give the mean surprise of the targets that count.",
    formula=r"L = \frac{1}{n} \sum_{i\,\mathrm{counted}} \left(\log \sum_j e^{z_{ij}} - z_{i t_i}\right)",
    why="It is minus the logarithm of the probability given to what really came: 0 when certain, ln(vocab) "
    "for an even guess. Its gradient is probabilities minus the one-hot target.",
    clauses=(
        "The loss of a position is the natural logarithm of Σ exp(logits) minus the logit of its target.",
        "The mean runs over all counted targets of all leading axes at once.",
        "A target equal to ignored does not count, neither in the sum nor in the number, and has gradient zero.",
        "When no target counts, loss and gradient are zero.",
        "Logits of any size give a finite loss and gradient.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("logits", "*batch vocab", "one row of scores per target"),
        Argument("targets", "*batch", "ids of the right tokens, or ignored"),
        Argument("ignored", None, "the target that does not count"),
    ),
    outputs=(Argument("loss", "", "one number"),),
    gradients=("logits",),
    page="explanation/loss",
    source="Shannon 1948, A Mathematical Theory of Communication",
)

CONTRACTS = (EMBEDDING, RMS_NORM, ROTARY, SOFTMAX, CAUSAL_MASK, ATTENTION, SWIGLU, BLOCK, CROSS_ENTROPY)
