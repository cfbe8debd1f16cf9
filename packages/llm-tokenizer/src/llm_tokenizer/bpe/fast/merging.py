"""The merges of one piece, compiled: the counterpart of `merging.py` in the package."""

from __future__ import annotations

from llm_tokenizer.bpe.fast.compiling import compiled
from llm_tokenizer.bpe.fast.instructions import Address, Ids, Integers, byte_at
from llm_tokenizer.bpe.fast.long_pieces import merge_long
from llm_tokenizer.bpe.fast.memory import LONG_PIECE, Memory
from llm_tokenizer.bpe.fast.pairs import NO_RANK, rank_of


@compiled
def merge_bytes(text: Address, place: int, ids: Ids, memory: Memory) -> int:
    """Write the tokens of the bytes from `place` on, as many as `ids` has room for; gives how many tokens they are.

    The answer is -1 where `merge_long` needs more scratch.
    """
    if len(ids) >= LONG_PIECE:
        return merge_long(text, place, ids, memory)
    for k in range(len(ids)):
        ids[k] = byte_at(text, place + k)
    return merge_short(ids, memory.pairs, memory.ranks)


@compiled
def merge_short(ids: Ids, pairs: Integers, ranks: Ids) -> int:
    """Replace the pair that was learned first, the leftmost of equals, until no learned pair is left.

    After a replacement only the two pairs around it are looked up again. `ranks` is scratch.

    Spec: tokenizer.encode_bpe
    """
    length = len(ids)
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
