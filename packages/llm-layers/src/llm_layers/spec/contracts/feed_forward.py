"""What the feed-forward parts must be."""

from llm_tokenizer.conformance import Argument, Contract

SWIGLU = Contract(
    id="layers.swiglu",
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
)

GEGLU = Contract(
    id="layers.geglu",
    clauses=(
        "The gate goes through GELU in its tanh form; the up projection goes through nothing.",
        "Gate and up are multiplied, coordinate by coordinate.",
        "Weights are stored (out, in) and have no bias.",
        "Gate inputs of any size give finite results and gradients.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=SWIGLU.inputs,
    outputs=SWIGLU.outputs,
    gradients=SWIGLU.gradients,
    page="explanation/feed_forward",
)

GELU_FEED_FORWARD = Contract(
    id="layers.gelu_feed_forward",
    clauses=(
        "The bend is GELU in its tanh form.",
        "up_bias is added before the bend, down_bias at the end.",
        "Weights are stored (out, in).",
        "Hidden numbers of any size give finite results and gradients.",
        "The gradients of weights and biases are summed over all leading axes.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch d_model", "the vectors"),
        Argument("up", "d_ff d_model", "the patterns"),
        Argument("up_bias", "d_ff", "the thresholds, with the sign turned"),
        Argument("down", "d_model d_ff", "what each unit writes"),
        Argument("down_bias", "d_model", "what is written whatever x is"),
    ),
    outputs=(Argument("y", "*batch d_model", "what was worked out"),),
    gradients=("x", "up", "up_bias", "down", "down_bias"),
    page="explanation/feed_forward",
)

RELU_SQUARED_FEED_FORWARD = Contract(
    id="layers.relu_squared_feed_forward",
    clauses=(
        "What is below zero is cut off, and the rest is squared, between the two weights.",
        "Weights are stored (out, in) and have no bias.",
        "At and below zero the gradient is exactly 0; above it is 2 max(a, 0), without a jump.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch d_model", "the vectors"),
        Argument("up", "d_ff d_model", "the patterns"),
        Argument("down", "d_model d_ff", "what each unit writes"),
    ),
    outputs=(Argument("y", "*batch d_model", "what was worked out"),),
    gradients=("x", "up", "down"),
    page="explanation/feed_forward",
)

CONTRACTS = (SWIGLU, GEGLU, GELU_FEED_FORWARD, RELU_SQUARED_FEED_FORWARD)
