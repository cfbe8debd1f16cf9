"""What start values must be."""

from llm_tokenizer.conformance import Argument, Contract

TRUNCATED_NORMAL = Contract(
    id="layers.truncated_normal",
    clauses=(
        "Each number goes through the inverse distribution function of the normal that is cut at -limit and limit: "
        "nothing is clipped onto the limit, and 0.5 gives 0.",
        "limit is counted in deviations of the normal before it is cut; 0 gives the lower end and 1 the upper.",
        "The result is divided by the root of the variance that is left after the cut, so that its standard deviation "
        "is the one asked for.",
        "Numbers come back in the shape they had; any shape and memory layout is allowed.",
    ),
    inputs=(
        Argument("uniforms", "*batch", "numbers from 0 to 1"),
        Argument("deviation", None, "the standard deviation of the result"),
        Argument("limit", None, "where the normal is cut, in its deviations"),
    ),
    outputs=(Argument("y", "*batch", "the start values"),),
    page="explanation/initialization",
)

SCALED_INITIALIZATION = Contract(
    id="layers.scaled_initialization",
    clauses=(
        "The numbers are multiplied by deviation.",
        "They are divided by the root of twice the number of layers, for attention and feed-forward both write.",
        "Numbers come back in the shape they had; any shape and memory layout is allowed.",
    ),
    inputs=(
        Argument("normals", "*batch", "standard normal numbers"),
        Argument("deviation", None, "standard deviation of a matrix that does not write to the stream"),
        Argument("layers", None, "how many blocks the model has"),
    ),
    outputs=(Argument("y", "*batch", "the start values"),),
    page="explanation/initialization",
)

CONTRACTS = (TRUNCATED_NORMAL, SCALED_INITIALIZATION)
