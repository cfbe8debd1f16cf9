"""What a linear map must be."""

from llm_tokenizer.conformance import Argument, Contract

LINEAR = Contract(
    id="layers.linear",
    summary="Multiply each vector with a matrix, and add a bias where there is one.",
    formula=r"y_o = \sum_i W_{oi}\, x_i + b_o",
    why="Each row of the weight is a question, and each output number says how strongly x answers it. Going back, x "
    "gets the sum of the rows, each as strongly as its answer was wanted, and each row moves along the inputs.",
    clauses=(
        "Output o is the dot product of x with row o of the weight, which is stored (out, in).",
        "The bias, one number per output, is added once to every vector; a bias of None adds nothing.",
        "The gradients of weight and bias are summed over all vectors; that of x is dy times the weight.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch d_in", "the vectors"),
        Argument("weight", "d_out d_in", "one row per output number"),
        Argument("bias", "d_out", "one number per output, or None"),
    ),
    outputs=(Argument("y", "*batch d_out", "the answers"),),
    gradients=("x", "weight", "bias"),
    page="explanation/linear",
    source="Rosenblatt 1958, The Perceptron",
)

CONTRACTS = (LINEAR,)
