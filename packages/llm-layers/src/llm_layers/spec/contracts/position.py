"""What positions must be."""

from llm_tokenizer.spec import Argument, Contract

ROTARY = Contract(
    id="layers.rotary",
    summary="Turn pairs of coordinates by angles that grow with the position.",
    formula=r"\begin{pmatrix} y_k \\ y_{k+d/2} \end{pmatrix} = R\!\left(p\, b^{-2k/d}\right)"
    r"\begin{pmatrix} x_k \\ x_{k+d/2} \end{pmatrix}",
    why="A dot product of two turned arrows depends only on the angle between them. Turn query and key by their own "
    "positions, and the difference of the positions is what attention sees: distance, not place.",
    clauses=(
        "Coordinate k is paired with coordinate k + d_head/2 (halved, not interleaved).",
        "The pair k is turned counter-clockwise by position · base^(-2k/d_head); position 0 changes nothing.",
        "Positions are the given ones: in any order, repeated, not starting at 0.",
        "Positions broadcast against x without its last axis.",
        "The gradient is the upstream gradient turned back.",
    ),
    inputs=(
        Argument("x", "*batch position d_head", "queries or keys; d_head is even"),
        Argument("positions", "*batch position", "whole numbers; broadcast over leading axes"),
        Argument("base", None, "sets the slowest speed"),
    ),
    outputs=(Argument("y", "*batch position d_head", "the turned vectors"),),
    gradients=("x",),
    page="explanation/position",
    source="Su et al. 2021, arXiv:2104.09864",
)

CONTRACTS = (ROTARY,)
