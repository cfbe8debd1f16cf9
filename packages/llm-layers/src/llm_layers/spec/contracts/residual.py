"""Where the norm must stand. The part on the branch is one weight, so that only the joint is on trial."""

from llm_tokenizer.conformance import Argument, Contract

INPUTS = (
    Argument("x", "*batch d_model", "the stream"),
    Argument("gain", "d_model", "gain of the norm"),
    Argument("weight", "d_model d_model", "the part, (out, in)"),
    Argument("eps", None, "floor of the mean square"),
)
OUTPUTS = (Argument("y", "*batch d_model", "the stream after the part"),)
PINNED = ("x", "gain", "weight")
ANY_SHAPE = "Any number of leading axes, of any length and memory layout, is allowed."

PRE_NORM = Contract(
    id="layers.pre_norm",
    summary="Normalise what the part reads; add what it writes to the untouched stream.",
    formula=r"y = x + W\,\mathrm{norm}(x), \quad "
    r"\mathrm{norm}(x) = g \odot \frac{x}{\sqrt{\tfrac{1}{d}\sum_i x_i^2 + \epsilon}}",
    why="The stream itself is never divided, so the gradient reaches the lowest block as it left the head, plus "
    "corrections: deep models train without a long warm-up.",
    clauses=(
        "The part reads the normalised stream, gain included; the weight is stored (out, in).",
        "What the part writes is added to x itself, not to its normalised form, and the sum is not normalised.",
        "eps is added to the mean square of x.",
        "The gradient of x is the upstream gradient itself plus what comes back through part and norm.",
        ANY_SHAPE,
    ),
    inputs=INPUTS,
    outputs=OUTPUTS,
    gradients=PINNED,
    page="explanation/block",
    source="Xiong et al. 2020, arXiv:2002.04745",
)

POST_NORM = Contract(
    id="layers.post_norm",
    summary="Add what the part writes, then normalise the sum.",
    formula=r"y = \mathrm{norm}(x + W x)",
    why="Every block hands on vectors of one size, so a late block counts as much as an early one. The price: the "
    "gradient passes through every norm on its way down, and deep stacks need a careful warm-up.",
    clauses=(
        "The part reads the stream as it is; the weight is stored (out, in).",
        "What the part writes is added to x, and then the sum is normalised, gain included.",
        "eps is added to the mean square of the sum.",
        "The whole gradient runs through the norm, the stream's share of it too.",
        ANY_SHAPE,
    ),
    inputs=INPUTS,
    outputs=OUTPUTS,
    gradients=PINNED,
    page="explanation/block",
    source="Vaswani et al. 2017, arXiv:1706.03762",
)

BRANCH_NORM = Contract(
    id="layers.branch_norm",
    summary="Normalise what the part writes, just before it is added.",
    formula=r"y = x + \mathrm{norm}(W x)",
    why="The stream stays untouched, and every part adds a vector of a size that its gain sets: no part can throw the "
    "stream off with one huge output.",
    clauses=(
        "The part reads the stream as it is; the weight is stored (out, in).",
        "What the part writes is normalised, gain included, and then added to x; the sum is not normalised.",
        "eps is added to the mean square of what the part writes.",
        "The gradient of x is the upstream gradient itself plus what comes back through norm and part.",
        ANY_SHAPE,
    ),
    inputs=INPUTS,
    outputs=OUTPUTS,
    gradients=PINNED,
    page="explanation/block",
    source="Team OLMo 2024, arXiv:2501.00656; Liu et al. 2021, arXiv:2111.09883",
)

CONTRACTS = (PRE_NORM, POST_NORM, BRANCH_NORM)
