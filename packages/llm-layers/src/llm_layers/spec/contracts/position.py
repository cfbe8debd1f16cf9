"""What positions must be: rows or waves that are added, and pairs that are turned."""

from llm_tokenizer.conformance import Argument, Contract

LEARNED_POSITIONS = Contract(
    id="layers.learned_positions",
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
)

SINUSOIDAL_POSITIONS = Contract(
    id="layers.sinusoidal_positions",
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
)

ROTARY_SPEEDS = Contract(
    id="layers.inverse_frequencies",
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
)

ROTARY = Contract(
    id="layers.rotary",
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
)

ROTARY_INTERLEAVED = Contract(
    id="layers.rotary_interleaved",
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
)

CONTRACTS = (LEARNED_POSITIONS, SINUSOIDAL_POSITIONS, ROTARY_SPEEDS, ROTARY, ROTARY_INTERLEAVED)
