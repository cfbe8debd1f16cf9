"""The merges of one pre-token, compiled: the counterpart of `bpe/encoding.py`."""

from __future__ import annotations

from llm_tokenizer.bpe.fast.compiling import compiled, inlined
from llm_tokenizer.bpe.fast.id_cache import WINDOWED_FROM, Tables
from llm_tokenizer.bpe.fast.instructions import Address, Ids, byte_at
from llm_tokenizer.bpe.fast.pairs import NO_RANK, rank_of
from llm_tokenizer.bpe.fast.windows import merge_windows


@compiled
def merge_bytes(text: Address, start: int, ids: Ids, tables: Tables) -> int:
    """Write the tokens of the bytes from `start` on, as many as `ids` has room for; return how many tokens they are."""
    if len(ids) >= WINDOWED_FROM:
        return merge_windows(text, start, ids, tables)
    for k in range(len(ids)):
        ids[k] = byte_at(text, start + k)
    return merge_short(ids, tables)


@inlined
def merge_short(ids: Ids, tables: Tables) -> int:
    """Replace the pair that was learned first, the leftmost of equals, until no learned pair is left.

    After a replacement only the two pairs around it are looked up again.

    Spec: tokenizer.encode_bpe
    """
    length, pairs, ranks = len(ids), tables.pairs, tables.ranks
    for k in range(length - 1):
        ranks[k] = rank_of(pairs, ids[k], ids[k + 1])
    while length > 1:
        best = 0
        for k in range(1, length - 1):
            if ranks[k] < ranks[best]:
                best = k
        if ranks[best] == NO_RANK:
            break
        ids[best] = ranks[best]
        length -= 1
        for k in range(best + 1, length):
            ids[k] = ids[k + 1]
            ranks[k - 1] = ranks[k]
        if best > 0:
            ranks[best - 1] = rank_of(pairs, ids[best - 1], ids[best])
        if best < length - 1:
            ranks[best] = rank_of(pairs, ids[best], ids[best + 1])
    return length
