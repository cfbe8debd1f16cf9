"""What normalization must be."""

from llm_tokenizer.spec import Argument, Contract

RMS_NORM = Contract(
    id="layers.rms_norm",
    summary="Divide each vector by its root mean square and scale it by a learned gain.",
    formula=r"y = g \odot \frac{x}{\sqrt{\tfrac{1}{d}\sum_i x_i^2 + \epsilon}}",
    why="The stream grows with depth. Dividing by the root mean square keeps the direction, which carries the "
    "meaning, and sets the size; eps is a floor for the mean square, so that zeros stay zeros.",
    clauses=(
        "The mean of the squares is taken along the last axis only; the mean of x is not subtracted.",
        "eps is added to the mean square, inside the root.",
        "The normalised vector is multiplied by gain, coordinate by coordinate.",
        "The gradient runs through the root mean square too; that of gain is summed over all leading axes.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch d_model", "the vectors"),
        Argument("gain", "d_model", "one factor per coordinate"),
        Argument("eps", None, "floor of the mean square"),
    ),
    outputs=(Argument("y", "*batch d_model", "the normalised vectors"),),
    gradients=("x", "gain"),
    page="explanation/norm",
    source="Zhang and Sennrich 2019, arXiv:1910.07467",
)

CONTRACTS = (RMS_NORM,)
