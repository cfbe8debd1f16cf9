"""The encoder's inner loop: pieces in, ids out."""

from __future__ import annotations

from numpy import uint64

from llm_tokenizer.bpe.fast.compiling import compiled, entry, inlined
from llm_tokenizer.bpe.fast.edges import piece_end
from llm_tokenizer.bpe.fast.instructions import PADDING, Address, ids_at, integers_at, load8, prefetch, signed, store8
from llm_tokenizer.bpe.fast.memory import (
    BATCH,
    LONG_BYTES,
    SHORT_BYTES,
    Memory,
    first_slot,
    open_memory,
    recall_long,
    recall_short,
    remember,
    short_key,
)
from llm_tokenizer.bpe.fast.merging import merge_bytes

TEXT, PLACE, FILLED = range(3)  # `progress`: number of the text, place in all of them, ids that are written
SLACK = 16  # ids that may be written beyond the last one
_NOTHING = uint64(0)


@entry
def write_ids(
    text: Address, ends: Address, count: int, rule: int, kinds: Address, memory: Address, ids: Address
) -> int:
    """Write the ids of so many texts; `ends` says where each text ends, and afterwards where its ids end.

    Each text has `PADDING` zeros after it. The answer is 0, or where a piece needs more scratch for `merge_long`, how
    long it is: another call goes on from there, which `progress` remembers. It is all zero otherwise.
    """
    tables = open_memory(memory)
    until, progress = integers_at(ends, count), tables.progress
    while progress[TEXT] < count:
        number = signed(progress[TEXT])
        wanted = _write_text(text, until[number], rule, kinds, tables, ids)
        if wanted > 0:
            return wanted
        until[number] = progress[FILLED]
        progress[PLACE] += PADDING
        progress[TEXT] += 1
    progress[TEXT] = progress[PLACE] = progress[FILLED] = 0
    return 0


@compiled
def _write_text(text: Address, end: int, rule: int, kinds: Address, tables: Memory, ids: Address) -> int:
    """Write the ids of the bytes up to `end` behind those that are there; gives how long a piece needs scratch, or 0.

    Why it works: a look into a table of megabytes takes the processor longer than all else that is done for a word,
    but it can wait for many at once. So the pieces of a batch are first cut and their slots announced; when they
    are looked up, they have come.
    """
    batch = tables.batch
    place, filled, wanted = signed(tables.progress[PLACE]), signed(tables.progress[FILLED]), 0
    while place < end and wanted == 0:
        start, count = place, 0
        while place < end and count < BATCH:
            edge = piece_end(text, place, end, kinds, rule)
            _announce(text, place, edge, tables.short, tables.short_slots, batch + 32 * count)
            place = edge
            count += 1
        place = start
        for k in range(count):
            piece = batch + 32 * k
            made = recall_short(load8(piece, 0), load8(piece, 8), signed(load8(piece, 16)), ids, filled)
            edge = signed(load8(piece, 24))
            if made == 0:
                made = _recall_or_merge(text, place, edge - place, tables, ids, filled)
                if made < 0:
                    wanted = edge - place
                    break
            filled += made
            place = edge
    tables.progress[PLACE], tables.progress[FILLED] = place, filled
    return wanted


@inlined
def _announce(text: Address, place: int, edge: int, short: Address, slots: int, piece: Address) -> None:
    """Note a piece in the batch: key, slot, end. A long one is given a key of zeros, which has no ids in any slot."""
    low, high, slot = _NOTHING, _NOTHING, short
    if edge - place <= SHORT_BYTES:
        low, high = short_key(text, place, edge - place)
        slot = short + 32 * first_slot(low, high, slots)
        prefetch(slot, 0)
    store8(piece, 0, low)
    store8(piece, 8, high)
    store8(piece, 16, uint64(slot))
    store8(piece, 24, uint64(edge))


@compiled
def _recall_or_merge(text: Address, place: int, length: int, memory: Memory, ids: Address, filled: int) -> int:
    """Write the ids of a piece that the short table has not got; gives how many, or -1."""
    if length <= LONG_BYTES:
        count = recall_long(text, place, length, memory.long, ids, filled)
        if count:
            return count
    numbers = ids_at(ids + 4 * filled, length)
    count = merge_bytes(text, place, numbers, memory)
    if count < 0:
        return -1
    for k in range(count):
        numbers[k] = memory.published[numbers[k]]
    remember(text, place, length, memory, numbers[:count])
    return count


@entry
def first_unmade(tokens: Address, ends: Address, published: Address, count: int, memory: Address, ids: Address) -> int:
    """The first of the tokens that merging does not make of its bytes, or -1. All lie in a row, up to their `ends`."""
    tables = open_memory(memory)
    until, wanted = integers_at(ends, count), integers_at(published, count)
    start = 0
    for place in range(count):
        numbers = ids_at(ids, until[place] - start)
        if merge_bytes(tokens, start, numbers, tables) != 1 or tables.published[numbers[0]] != wanted[place]:
            return place
        start = until[place]
    return -1
