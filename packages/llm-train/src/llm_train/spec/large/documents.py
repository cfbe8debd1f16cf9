"""Large cases of documents: long rows, many documents, and lengths of every kind."""

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases()


@LARGE.of("train.document_targets")(4, "numbers of documents in 8 bits", "many_documents")
def many_documents(g: Generator) -> Inputs:
    tokens = g.whole(3_000, below=5)
    return {"tokens": tokens, "ends": np.flatnonzero(tokens == 3)[1:] + 1, "separator": 3}


@LARGE.of("train.document_targets")(2, "a separator that is expected at every end", "some_without_separator")
def some_without(g: Generator) -> Inputs:
    return {"tokens": g.whole(2_000, below=4), "ends": np.unique(g.whole(600, below=2_100)), "separator": 0}


@LARGE.of("train.document_targets")(4, "places in 16 bits", "a_long_row")
def a_long_row(g: Generator) -> Inputs:
    return {"tokens": g.whole(70_003, below=50), "ends": np.array([32_768, 40_001, 65_536, 70_000]), "separator": None}


LARGE("train.document_targets", 1, "ids of 16 bits", "large_ids")(
    lambda g: {"tokens": g.whole(300, below=10**9), "ends": np.arange(7, 300, 7), "separator": None}
)


@LARGE.of("train.pack_documents")(4, "a window that is forgotten among many", "many_short")
def many_short(g: Generator) -> Inputs:
    return {"lengths": g.whole(400, below=60), "context_length": 97}


@LARGE.of("train.pack_documents")(2, "a document of many windows", "a_few_long")
def a_few_long(g: Generator) -> Inputs:
    return {"lengths": np.array([5_003, 640, 70_001, 1, 639, 641, 1_290]), "context_length": 640}


LARGE("train.hold_out", 1, "sizes in 32 bits", "large_documents")(lambda g: {"sizes": [10**11] * 20, "most": 10**12})
LARGE("train.hold_out", 2, "a few documents from the end", "many_small_documents")(
    lambda g: {"sizes": g.whole(1_201, below=900).tolist(), "most": 10**9}
)
