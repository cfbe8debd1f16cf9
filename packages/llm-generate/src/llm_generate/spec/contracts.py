"""What the three filters between logits and a drawn token must be."""

from llm_tokenizer.conformance import Argument, Contract

_LOGITS = Argument("logits", "*batch vocab", "the model's scores, one row per text; -inf takes a token out")
_FILTERED = Argument("filtered", "*batch vocab", "the kept logits unchanged, -inf elsewhere")

TEMPERATURE = Contract(
    id="generate.temperature",
    clauses=(
        "The logits are divided by the temperature, and then a softmax is taken over the vocabulary, the last axis.",
        "Every row is on its own, and sums to 1.",
        "Logits and quotients of any size give finite probabilities: the row's largest logit is subtracted before "
        "the division and the exponential.",
        "A logit of -inf has probability exactly 0 and gradient exactly 0.",
        "Temperature 0 is greedy: probability 1 for the largest logit, the lowest id among equals, 0 elsewhere.",
        "A negative temperature is refused with a ValueError.",
        "The gradient for the logits is p (dp - sum(p dp)) / T, summed over the vocabulary of the same row.",
    ),
    inputs=(_LOGITS, Argument("temperature", None, "a number of at least 0")),
    outputs=(Argument("probabilities", "*batch vocab", "what a token is drawn from"),),
    gradients=("logits",),
    page="explanation/sampling",
)

TOP_K = Contract(
    id="generate.top_k",
    clauses=(
        "The k largest logits of the row stay as they are, and all others become -inf.",
        "Every row is on its own; the vocabulary is the last axis, and the kept logits stay at their ids.",
        "Exactly k stay: among logits that equal the k-th largest, the lower ids.",
        "A k as large as the vocabulary, or larger, changes nothing.",
        "Logits that are -inf already stay so, and huge logits are compared like any others.",
        "A k below 1 is refused with a ValueError: there would be nothing left to draw.",
    ),
    inputs=(_LOGITS, Argument("k", None, "a whole number of at least 1")),
    outputs=(_FILTERED,),
    page="explanation/sampling",
)

TOP_P = Contract(
    id="generate.top_p",
    clauses=(
        "Tokens are taken by falling probability until their sum reaches p; they stay, and all others become -inf.",
        "The token that carries the sum across p is kept; a sum of exactly p is enough, and the next one is not kept.",
        "At least one token is kept, however small p is.",
        "p = 1 changes nothing, not even where the sum rounds to 1 before the last token.",
        "Among equal probabilities the lower ids are taken first.",
        "Every row is on its own; the vocabulary is the last axis, and the kept logits stay at their ids.",
        "The probabilities are the softmax of the logits, of any size; logits that are -inf already stay so.",
        "A p outside 0 < p <= 1 is refused with a ValueError.",
    ),
    inputs=(_LOGITS, Argument("p", None, "a number above 0 and at most 1")),
    outputs=(_FILTERED,),
    page="explanation/sampling",
)

CONTRACTS = (TEMPERATURE, TOP_K, TOP_P)
