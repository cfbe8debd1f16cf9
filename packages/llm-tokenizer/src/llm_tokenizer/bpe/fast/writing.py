"""The encoder's inner loop: pre-tokens in, ids out."""

from __future__ import annotations

from numpy import uint64

from llm_tokenizer.bpe.fast.compiling import compiled, entry, inlined
from llm_tokenizer.bpe.fast.edges import pre_token_end
from llm_tokenizer.bpe.fast.hashing import NOTHING, SHORT_BYTES, short_key
from llm_tokenizer.bpe.fast.id_cache import (
    LONG_BYTES,
    LOOKUPS,
    SHORT_WORDS,
    Tables,
    first_slot,
    recall_long,
    recall_short,
    remember,
)
from llm_tokenizer.bpe.fast.instructions import (
    PADDING,
    Address,
    Bytes,
    Ids,
    Integers,
    Words,
    address_of,
    borrowed,
    load8,
    prefetch,
    signed,
    store8,
)
from llm_tokenizer.bpe.fast.merging import merge_bytes

SLACK = 16  # ids that may be written beyond the last one


@entry
def write_ids(
    text: Bytes, ends: Integers, rule: int, kinds: Bytes, pairs: Integers, published: Ids, short: Words, long: Words,
    batch: Words, ranks: Ids, heads: Ids, marks: Words, ids: Ids,
) -> None:  # fmt: skip
    """Write the ids of several texts; `ends` holds where each text ends, and afterwards where its ids end.

    Each text has `PADDING` zeros after it. The arrays after `kinds` are those of `Tables`.
    """
    tables = Tables(
        borrowed(pairs), borrowed(published), borrowed(short), borrowed(long),
        borrowed(batch), borrowed(ranks), borrowed(heads), borrowed(marks),
    )  # fmt: skip
    ids = borrowed(ids)
    start = filled = 0
    for k in range(len(ends)):
        filled = _write_text(address_of(text), start, ends[k], rule, address_of(kinds), tables, ids, filled)
        start = ends[k] + PADDING
        ends[k] = filled


@inlined
def _write_text(
    text: Address, start: int, end: int, rule: int, kinds: Address, tables: Tables, ids: Ids, filled: int
) -> int:
    """Write the ids of the bytes from `start` to `end` behind those that are there; return how many there are then.

    Why it works: a lookup in a table of megabytes takes the processor longer than everything else that is done for a
    word, but it can wait for many at once. So the pre-tokens of a batch are first found and their slots announced; when
    they are looked up, the slots have arrived.
    """
    batch, written = address_of(tables.batch), address_of(ids)
    short, slots = address_of(tables.short), len(tables.short) // SHORT_WORDS
    while start < end:
        edge, count = start, 0
        while edge < end and count < LOOKUPS:
            begin = edge
            edge = pre_token_end(text, begin, end, kinds, rule)
            _announce(text, begin, edge, short, slots, batch + 32 * count)
            count += 1
        for k in range(count):
            noted = batch + 32 * k
            edge = signed(load8(noted, 24))
            made = recall_short(load8(noted, 0), load8(noted, 8), signed(load8(noted, 16)), written, filled)
            if made == 0:
                made = _recall_or_merge(text, start, edge - start, tables, ids, filled)
            filled += made
            start = edge
    return filled


@inlined
def _announce(text: Address, start: int, end: int, short: Address, slots: int, noted: Address) -> None:
    """Note a pre-token in the batch: key, slot, end. A long one gets a key of zeros, which has no ids in any slot."""
    low, high, slot = NOTHING, NOTHING, short
    if end - start <= SHORT_BYTES:
        low, high = short_key(text, start, end - start)
        slot = short + 8 * SHORT_WORDS * first_slot(low, high, slots)
        prefetch(slot, 0)
    store8(noted, 0, low)
    store8(noted, 8, high)
    store8(noted, 16, uint64(slot))
    store8(noted, 24, uint64(end))


@compiled
def _recall_or_merge(text: Address, start: int, length: int, tables: Tables, ids: Ids, filled: int) -> int:
    """Write the ids of a pre-token that the short table does not hold; return how many they are."""
    if length <= LONG_BYTES:
        count = recall_long(text, start, length, tables.long, ids, filled)
        if count:
            return count
    made = ids[filled : filled + length]
    count = merge_bytes(text, start, made, tables)
    for k in range(count):
        made[k] = tables.published[made[k]]
    remember(text, start, length, tables, made[:count])
    return count
