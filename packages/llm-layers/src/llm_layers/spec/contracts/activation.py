"""What the activations must be."""

from llm_tokenizer.conformance import Argument, Contract

X = (Argument("x", "*batch", "numbers of any shape"),)
Y = (Argument("y", "*batch", "the bent numbers"),)

GELU = Contract(
    id="layers.gelu",
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
)

GELU_TANH = Contract(
    id="layers.gelu_tanh",
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
)

SILU = Contract(
    id="layers.silu",
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
)

RELU_SQUARED = Contract(
    id="layers.relu_squared",
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
)

CONTRACTS = (GELU, GELU_TANH, SILU, RELU_SQUARED)
