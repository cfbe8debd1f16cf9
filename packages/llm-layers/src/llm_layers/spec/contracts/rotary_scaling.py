"""What the scalings of rotary speeds must be."""

from llm_tokenizer.conformance import Argument, Contract

_SPEEDS = Argument("speeds", "half", "radians per position, one per pair")
_FACTOR = Argument("factor", None, "how many times longer the texts become")
_CONTEXT = Argument("original_context", None, "the length of the training texts, in positions")
_SCALED = Argument("scaled", "half", "the speeds to use in their place")

LINEAR_SCALING = Contract(
    id="layers.linear_scaling",
    clauses=(
        "Every speed is divided by the factor, the fastest like the slowest.",
        "It is done once: who scales the speeds leaves the positions alone.",
    ),
    inputs=(_SPEEDS, _FACTOR),
    outputs=(_SCALED,),
    page="explanation/position",
)

LLAMA3_SCALING = Contract(
    id="layers.llama3_scaling",
    clauses=(
        "A speed that makes high_frequency_factor turns or more in the training length stays as it is.",
        "A speed that makes low_frequency_factor turns or fewer is divided by the factor.",
        "Between the two the share that stays rises evenly with the number of turns.",
        "The number of turns is original_context · speed / 2π.",
    ),
    inputs=(
        _SPEEDS,
        _FACTOR,
        Argument("low_frequency_factor", None, "up to so many turns a hand is slowed wholly"),
        Argument("high_frequency_factor", None, "from so many turns on it is left alone"),
        _CONTEXT,
    ),
    outputs=(_SCALED,),
    page="explanation/position",
)

YARN_SCALING = Contract(
    id="layers.yarn_scaling",
    clauses=(
        "Pairs up to the fast end stay as they are.",
        "Pairs from the slow end on are divided by the factor.",
        "Between the ends the speed, not the wavelength, passes evenly along the number of the pair.",
        "The ends are the pairs that make beta_fast turns, rounded down, and beta_slow turns, rounded up, in the "
        "training length.",
        "The fast end is at least 0, the slow end at most d - 1, one less than the numbers that are turned.",
        "Where both ends fall on one pair, that pair stays as it is and the next is divided by the factor.",
    ),
    inputs=(
        _SPEEDS,
        Argument("base", None, "the one that the speeds come from"),
        _FACTOR,
        _CONTEXT,
        Argument("beta_fast", None, "the turns at the fast end"),
        Argument("beta_slow", None, "the turns at the slow end"),
    ),
    outputs=(_SCALED,),
    page="explanation/position",
)

YARN_TEMPERATURE = Contract(
    id="layers.yarn_attention_factor",
    clauses=(
        "It is 0.1 times the natural logarithm of the factor, plus 1.",
        "A factor of 1 or less gives 1.",
    ),
    inputs=(_FACTOR,),
    outputs=(Argument("temperature", None, "a factor on cosine and sine, and so, squared, on the scores"),),
    page="explanation/position",
)

CONTRACTS = (LINEAR_SCALING, LLAMA3_SCALING, YARN_SCALING, YARN_TEMPERATURE)
