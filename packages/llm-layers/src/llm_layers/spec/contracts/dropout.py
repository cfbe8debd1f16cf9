"""What dropout must be."""

from llm_tokenizer.conformance import Argument, Contract

DROPOUT = Contract(
    id="layers.dropout",
    clauses=(
        "What the mask keeps is divided by 1 - rate.",
        "What the mask does not keep becomes zero, number by number.",
        "The mask decides what is kept, and the rate alone the factor, however many numbers the mask happens to keep.",
        "At rate 0 with all kept nothing changes.",
        "The gradient passes through the same mask with the same factor.",
        "Any shape, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch", "any numbers"),
        Argument("kept", "*batch", "True where a number is kept"),
        Argument("rate", None, "the share that is struck out, at least 0 and below 1"),
    ),
    outputs=(Argument("y", "*batch", "the numbers that are left, enlarged"),),
    gradients=("x",),
    page="explanation/dropout",
)

CONTRACTS = (DROPOUT,)
