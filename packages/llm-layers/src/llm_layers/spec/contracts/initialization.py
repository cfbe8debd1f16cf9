"""What start values must be."""

from llm_tokenizer.conformance import Argument, Contract

TRUNCATED_NORMAL = Contract(
    id="layers.truncated_normal",
    summary="Turn numbers even over 0 to 1 into normal ones that are cut at a limit and have the deviation asked for.",
    formula=r"y = \frac{\sigma}{\sqrt{v}}\, \Phi^{-1}\bigl(\Phi(-L) + u\,(\Phi(L) - \Phi(-L))\bigr), \qquad"
    r" v = 1 - \frac{2 L\, \varphi(L)}{\Phi(L) - \Phi(-L)}",
    why="A normal number now and then lies far out, and one weight of six deviations shouts in its row for a long "
    "time. Cutting the tails off avoids it, and what remains is stretched, so that the deviation is still right.",
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
    source="Glorot and Bengio 2010; Robert 1995, Simulation of truncated normal variables, arXiv:0907.4010",
)

SCALED_INITIALIZATION = Contract(
    id="layers.scaled_initialization",
    summary="Scale the start values of a matrix that writes to the residual stream by the number of its writers.",
    formula=r"y = \frac{\sigma}{\sqrt{2\,\text{layers}}}\, z",
    why="Every block adds to the stream twice, and variances of independent things add up. With each of the 2 · layers "
    "parts made smaller by the root of their number, the sum is as large as one part was, however deep the model.",
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
    source="Radford et al. 2019, Language Models are Unsupervised Multitask Learners (GPT-2)",
)

CONTRACTS = (TRUNCATED_NORMAL, SCALED_INITIALIZATION)
