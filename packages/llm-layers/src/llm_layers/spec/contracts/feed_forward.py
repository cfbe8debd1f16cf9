"""What the feed-forward parts must be."""

from llm_tokenizer.conformance import Argument, Contract

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

GEGLU = Contract(
    id="layers.geglu",
    summary="Widen each vector twice, let one copy gate the other through GELU, narrow the product.",
    formula=r"y = W_{\mathrm{down}} \left(\mathrm{gelu}(W_{\mathrm{gate}} x) \odot W_{\mathrm{up}} x\right)",
    why="Each hidden unit is a small question (gate) with an answer (up), as in SwiGLU; GELU closes faster than SiLU.",
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
    source="Shazeer 2020, arXiv:2002.05202",
)

GELU_FEED_FORWARD = Contract(
    id="layers.gelu_feed_forward",
    summary="Widen each vector, bend it with GELU, narrow it again: two layers with biases, as in GPT-2.",
    formula=r"y = W_{\mathrm{down}}\,\mathrm{gelu}(W_{\mathrm{up}} x + b_{\mathrm{up}}) + b_{\mathrm{down}}",
    why="Each row of up is a pattern and its bias a threshold; its column of down is what the unit then writes. "
    "Without the bend between them two matrices are one.",
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
    source="Radford et al. 2019 (GPT-2)",
)

RELU_SQUARED_FEED_FORWARD = Contract(
    id="layers.relu_squared_feed_forward",
    summary="Widen each vector, square what is above zero, narrow it again.",
    formula=r"y = W_{\mathrm{down}} \max(W_{\mathrm{up}} x, 0)^2",
    why="A square multiplies a number with itself, so this part multiplies as a gated one does, with two matrices "
    "instead of three; most units are exactly 0 for a given x.",
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
    source="So et al. 2021, arXiv:2109.08668",
)

CONTRACTS = (SWIGLU, GEGLU, GELU_FEED_FORWARD, RELU_SQUARED_FEED_FORWARD)
