"""Large cases of the embedding and its tied head."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import BORDERS, LLAMA3_VOCABULARY, LONG_SUM, SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=LONG_SUM)


@LARGE("layers.embedding", 1, "ids kept in 8 or 16 bits, or a table of limited size", tolerance=SHORT_SUM)
def two_hundred_thousand_tokens(g: Generator) -> Inputs:
    ids = np.array([[*BORDERS], [*range(200_002, 200_002 - 2 * len(BORDERS), -2)]])
    return {"ids": ids, "table": g.normal(200_003, 1)}


LARGE("layers.embedding", 1, "a part of the table itself, where ids follow each other", "ids_in_a_row")(
    lambda g: {"ids": np.arange(2, 7), "table": g.normal(9, 3)}
)
LARGE("layers.tied_head", 1, "logits in pieces of the vocabulary, the last one left out", "all_tokens_of_llama3")(
    lambda g: {"x": g.normal(3, 2), "table": g.normal(LLAMA3_VOCABULARY, 2)}
)
