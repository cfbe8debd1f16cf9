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
)

POST_NORM = Contract(
    id="layers.post_norm",
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
)

BRANCH_NORM = Contract(
    id="layers.branch_norm",
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
)

CONTRACTS = (PRE_NORM, POST_NORM, BRANCH_NORM)
