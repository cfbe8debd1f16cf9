"""What the feed-forward part must be."""

from llm_tokenizer.spec import Argument, Contract

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

CONTRACTS = (SWIGLU,)
