"""Large cases: sizes beyond every table, byte and 16-bit border that real code has, and all kinds of characters."""

from llm_tokenizer.conformance.large import LargeCases
from llm_tokenizer.spec.large import (
    chatting,
    cutting,
    decoding,
    encoding,
    pairs,
    round_trip,
    special,
    streaming,
    training,
)

LARGE = LargeCases(
    chatting.LARGE,
    cutting.LARGE,
    decoding.LARGE,
    encoding.LARGE,
    pairs.LARGE,
    round_trip.LARGE,
    special.LARGE,
    streaming.LARGE,
    training.LARGE,
)
