"""What the activations must be."""

from llm_tokenizer.conformance import Argument, Contract

X = (Argument("x", "*batch", "numbers of any shape"),)
Y = (Argument("y", "*batch", "the bent numbers"),)

GELU = Contract(
    id="layers.gelu",
    summary="Weigh each number with the share of a normal distribution that lies below it.",
    formula=r"y = x\,\Phi(x) = \tfrac{x}{2}\left(1 + \mathrm{erf}\left(\tfrac{x}{\sqrt{2}}\right)\right)",
    why="ReLU asks only whether x is above zero. GELU asks how far: x is kept with the probability that a normal "
    "random number is smaller. So it is smooth, and a unit a little below zero still gets a gradient.",
    clauses=(
        "x is multiplied by the share of the standard normal distribution below x, through erf and not through tanh.",
        "The gradient has both terms of the product: the share, and x times the bell curve.",
        "Numbers of any size, up to 1e30 and beyond, give finite results and gradients.",
        "Each number is bent by itself; any shape and memory layout is allowed.",
    ),
    inputs=X,
    outputs=Y,
    gradients=("x",),
    page="explanation/feed_forward",
    source="Hendrycks and Gimpel 2016, arXiv:1606.08415",
)

GELU_TANH = Contract(
    id="layers.gelu_tanh",
    summary="GELU with the normal share approximated by a tanh, as GPT-2 and Gemma were trained with it.",
    formula=r"y = \tfrac{x}{2}\left(1 + \tanh\left(\sqrt{\tfrac{2}{\pi}}\,(x + 0.044715\,x^3)\right)\right)",
    why="The slope at zero is right by the root of 2/π, the bend after it by 0.044715. It differs from the exact form "
    "by less than 0.0005; but a model must be run with the form that it was trained with.",
    clauses=(
        "The tanh takes √(2/π) times x + 0.044715 x³.",
        "The gradient has both terms of the product, and that of the tanh's input, 1 + 3 · 0.044715 x².",
        "Numbers of any size, up to 1e30 in float64, give finite results and gradients.",
        "Each number is bent by itself; any shape and memory layout is allowed.",
    ),
    inputs=X,
    outputs=Y,
    gradients=("x",),
    page="explanation/feed_forward",
    source="Hendrycks and Gimpel 2016, section 2, arXiv:1606.08415",
)

SILU = Contract(
    id="layers.silu",
    summary="Weigh each number with its own sigmoid.",
    formula=r"y = x\,\sigma(x) = \frac{x}{1 + e^{-x}}",
    why="A gate that opens as x grows, with x itself passing through it: x far to the right, 0 far to the left, smooth "
    "between, for one exponential.",
    clauses=(
        "x is multiplied by 1 / (1 + exp(-x)), with no factor before x.",
        "The gradient has both terms of the product, σ(x) + x σ(x) (1 - σ(x)).",
        "Numbers of any size, up to 1e30 and beyond, give finite results and gradients.",
        "Each number is bent by itself; any shape and memory layout is allowed.",
    ),
    inputs=X,
    outputs=Y,
    gradients=("x",),
    page="explanation/feed_forward",
    source="Elfwing et al. 2017, arXiv:1702.03118; Ramachandran et al. 2017, arXiv:1710.05941",
)

RELU_SQUARED = Contract(
    id="layers.relu_squared",
    summary="Cut off below zero, square above.",
    formula=r"y = \max(x, 0)^2",
    why="Squaring makes large answers larger, so a few units decide; below zero everything is exactly 0. Unlike ReLU "
    "it has no corner: the slope starts from 0 without a jump.",
    clauses=(
        "Numbers below zero give exactly 0.",
        "Numbers above zero are squared.",
        "The gradient is 2 max(x, 0): exactly 0 at and below zero.",
        "Each number is bent by itself; any shape and memory layout is allowed.",
    ),
    inputs=X,
    outputs=Y,
    gradients=("x",),
    page="explanation/feed_forward",
    source="So et al. 2021, arXiv:2109.08668",
)

CONTRACTS = (GELU, GELU_TANH, SILU, RELU_SQUARED)
