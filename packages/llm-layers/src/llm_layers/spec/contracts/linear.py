"""What a linear map must be."""

from llm_tokenizer.conformance import Argument, Contract

LINEAR = Contract(
    id="layers.linear",
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
)

CONTRACTS = (LINEAR,)
