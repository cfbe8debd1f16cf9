"""Slips: mistakes that people really make, each as a small wrong implementation; every one must fail a case."""

from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.spec.slips import (
    chatting,
    cutting,
    decoding,
    encoding,
    pairs,
    round_trip,
    special,
    streaming,
    table,
    training,
)

SLIPS = Alternatives(
    chatting.SLIPS,
    cutting.SLIPS,
    decoding.SLIPS,
    encoding.SLIPS,
    pairs.SLIPS,
    round_trip.SLIPS,
    special.SLIPS,
    streaming.SLIPS,
    table.SLIPS,
    training.SLIPS,
)
