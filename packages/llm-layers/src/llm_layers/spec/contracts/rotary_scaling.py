"""What the scalings of rotary speeds must be."""

from llm_tokenizer.conformance import Argument, Contract

_SPEEDS = Argument("speeds", "half", "radians per position, one per pair")
_FACTOR = Argument("factor", None, "how many times longer the texts become")
_CONTEXT = Argument("original_context", None, "the length of the training texts, in positions")
_SCALED = Argument("scaled", "half", "the speeds to use in their place")

LINEAR_SCALING = Contract(
    id="layers.linear_scaling",
    summary="Slow every hand by the same factor.",
    formula=r"s'_k = s_k / f",
    why="A model has only met the angles of its training length. With all speeds divided by f, the position f · p "
    "stands where p stood, and no angle is new.",
    clauses=(
        "Every speed is divided by the factor, the fastest like the slowest.",
        "It is done once: who scales the speeds leaves the positions alone.",
    ),
    inputs=(_SPEEDS, _FACTOR),
    outputs=(_SCALED,),
    page="explanation/position",
    source="Chen et al. 2023, arXiv:2306.15595",
)

LLAMA3_SCALING = Contract(
    id="layers.llama3_scaling",
    summary="Slow the hands that do not come round in the training length, leave those that come round often.",
    formula=r"s' = \left(g + \frac{1-g}{f}\right) s, \quad "
    r"g = \operatorname{clamp}\left(\frac{L s / 2\pi - l}{h - l},\, 0,\, 1\right)",
    why="A hand that came round many times in training has shown all its angles, and slowing it would only blur "
    "neighbours; one that never came round would reach angles that the model has not seen.",
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
    source="Grattafiori et al. 2024, arXiv:2407.21783",
)

YARN_SCALING = Contract(
    id="layers.yarn_scaling",
    summary="Slow the slow hands and leave the fast ones, with an even passage along the pairs.",
    formula=r"s'_k = (1-r_k)\, s_k + r_k \frac{s_k}{f}, \quad "
    r"r_k = \operatorname{clamp}\left(\frac{k - \lfloor\kappa(\beta_{\text{fast}})\rfloor}"
    r"{\lceil\kappa(\beta_{\text{slow}})\rceil - \lfloor\kappa(\beta_{\text{fast}})\rfloor},\, 0,\, 1\right), \quad "
    r"\kappa(n) = \frac{d \ln (L / 2\pi n)}{2 \ln b}",
    why="Fast hands have shown all their angles in training and stay sharp, slow ones are slowed so that they meet no "
    "new angle. The passage between them is even along the pairs, that is along the logarithm of the speed.",
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
    source="Peng et al. 2023, arXiv:2309.00071",
)

YARN_TEMPERATURE = Contract(
    id="layers.yarn_attention_factor",
    summary="Give YaRN's factor on cosine and sine.",
    formula=r"t = 0.1 \ln f + 1",
    why="In a longer text more positions share the attention and it becomes flatter. Queries and keys are both "
    "enlarged by this factor, the scores by its square, to make up for it.",
    clauses=(
        "It is 0.1 times the natural logarithm of the factor, plus 1.",
        "A factor of 1 or less gives 1.",
    ),
    inputs=(_FACTOR,),
    outputs=(Argument("temperature", None, "a factor on cosine and sine, and so, squared, on the scores"),),
    page="explanation/position",
    source="Peng et al. 2023, arXiv:2309.00071",
)

CONTRACTS = (LINEAR_SCALING, LLAMA3_SCALING, YARN_SCALING, YARN_TEMPERATURE)
