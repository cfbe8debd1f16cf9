"""What dropout must be."""

from llm_tokenizer.conformance import Argument, Contract

DROPOUT = Contract(
    id="layers.dropout",
    summary="Set what is not kept to zero, and enlarge the rest so that the mean stays.",
    formula=r"y = \frac{m \odot x}{1 - r}",
    why="A part that may lose any input cannot lean on one alone. A number is kept with probability 1 - rate; divided "
    "by that, its expected value stays what it was, and nothing has to change when dropout is switched off.",
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
    source="Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
)

CONTRACTS = (DROPOUT,)
