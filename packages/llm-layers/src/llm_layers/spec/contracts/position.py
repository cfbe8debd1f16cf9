"""What positions must be: rows or waves that are added, and pairs that are turned."""

from llm_tokenizer.conformance import Argument, Contract

LEARNED_POSITIONS = Contract(
    id="layers.learned_positions",
    summary="Add to each vector the row of its position.",
    formula=r"y_i = x_i + T_{p_i}",
    why="A sum over positions knows no order, so the same word must look a little different in different places. Each "
    "place owns a row, and training finds what is useful to know of it.",
    clauses=(
        "Row positions[i] of the table is added to the vector at i; nothing is scaled.",
        "Positions are the given ones: in any order, repeated, not starting at 0.",
        "Positions broadcast against x without its last axis.",
        "A row gets the sum of the gradients of all places where it was used, in all texts; an unused row gets zero.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch position d_model", "the token vectors"),
        Argument("table", "position d_model", "one row per position, from 0"),
        Argument("positions", "*batch position", "whole numbers; broadcast over leading axes"),
    ),
    outputs=(Argument("y", "*batch position d_model", "the vectors with their places in them"),),
    gradients=("x", "table"),
    page="explanation/position",
    source="Gehring et al. 2017, arXiv:1705.03122",
)

SINUSOIDAL_POSITIONS = Contract(
    id="layers.sinusoidal_positions",
    summary="Give each position a row of waves, from fast to slow.",
    formula=r"y_{2k} = \sin\left(p\, b^{-2k/d}\right), \quad y_{2k+1} = \cos\left(p\, b^{-2k/d}\right)",
    why="Sine and cosine of one speed are one hand of a clock, and to go on by n positions is to turn the hand, "
    "wherever it stands: a linear map can learn 'n places back'. The speeds fall from one radian to about 1/base.",
    clauses=(
        "Even coordinates are sines, odd ones cosines; 2k and 2k + 1 share one angle.",
        "The angle of pair k is position · base^(-2k/d_model), in radians.",
        "Positions are the given ones: in any order, repeated, not starting at 0.",
        "Positions may have any number of axes, none and empty ones included; d_model is added as the last.",
    ),
    inputs=(
        Argument("positions", "*batch", "whole numbers"),
        Argument("d_model", None, "width of a row; even"),
        Argument("base", None, "sets the slowest wave"),
    ),
    outputs=(Argument("y", "*batch d_model", "the rows"),),
    page="explanation/position",
    source="Vaswani et al. 2017, arXiv:1706.03762",
)

ROTARY_SPEEDS = Contract(
    id="layers.inverse_frequencies",
    summary="Give how far each pair turns per position, in radians.",
    formula=r"s_k = b^{-2k/d}, \quad k = 0, \dots, d/2 - 1",
    why="One hand of a clock cannot tell both seconds and hours. The speeds fall by the same factor from pair to pair, "
    "from one radian per position down to a little more than 1/base.",
    clauses=(
        "There is one speed per pair, d_head/2 in all; the first is 1.",
        "The speed of pair k is base^(-2k/d_head).",
    ),
    inputs=(
        Argument("d_head", None, "how many numbers are turned; even"),
        Argument("base", None, "sets the slowest speed"),
    ),
    outputs=(Argument("speeds", "half", "radians per position"),),
    page="explanation/position",
    source="Su et al. 2021, arXiv:2104.09864",
)

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

ROTARY_INTERLEAVED = Contract(
    id="layers.rotary_interleaved",
    summary="Turn neighbouring coordinates as pairs: the order of the paper.",
    formula=r"\begin{pmatrix} y_{2k} \\ y_{2k+1} \end{pmatrix} = R\!\left(p\, b^{-2k/d}\right)"
    r"\begin{pmatrix} x_{2k} \\ x_{2k+1} \end{pmatrix}",
    why="As layers.rotary: only the difference of two positions is left in a dot product. Which numbers form a pair "
    "does not matter, as long as queries and keys agree and the weights were trained that way.",
    clauses=(
        "Coordinate 2k is paired with coordinate 2k + 1 (interleaved, not halved), and both stay in their places.",
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

CONTRACTS = (LEARNED_POSITIONS, SINUSOIDAL_POSITIONS, ROTARY_SPEEDS, ROTARY, ROTARY_INTERLEAVED)
