"""The fast encoder: the same ids as `BytePairTokenizer.encode`, as an array, many times sooner."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from llm_tokenizer.bpe import BytePairTokenizer
from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.fast.blocks import blocks
from llm_tokenizer.fast.characters import kinds_of_characters
from llm_tokenizer.fast.compiling import Bytes, Ids, Integers, compiled, padded
from llm_tokenizer.fast.edges import RULES, WHOLE, piece_end
from llm_tokenizer.fast.memory import LONG_BYTES, SHORT_BYTES, Memory, new_memory, recall_long, recall_short, remember
from llm_tokenizer.fast.merging import merge_in_place
from llm_tokenizer.fast.pairs import pair_table
from llm_tokenizer.published import PublishedTokenizer
from llm_tokenizer.special import checked, utf8

_SLACK = 16  # ids that may be written beyond the last one


class FastEncoder:
    """Encodes as its tokenizer does, by compiled code. Several threads may use one at the same time.

    Why it works:
        A text is mostly words that came before. One pass over its bytes finds where a piece ends; a table that stays
        within the processor's cache gives the ids of a piece that was seen, and only a new one is merged.

    Args:
        tokenizer: Whose merges and pattern to use. Special tokens in a text are plain characters here.

    Raises:
        TokenizerError: The tokenizer does more to a text than to cut and to merge; the message says what.

    Spec: tokenizer.split_text, tokenizer.encode_bpe
    """

    def __init__(self, tokenizer: BytePairTokenizer | PublishedTokenizer) -> None:
        if not isinstance(tokenizer, (BytePairTokenizer, PublishedTokenizer)):
            raise TokenizerError(
                f"tokenizer: must be a BytePairTokenizer or PublishedTokenizer, was {type(tokenizer).__name__}"
            )
        self._rule = RULES[tokenizer.pattern]
        self._kinds = kinds_of_characters()
        self._threads = threading.local()
        self._pairs = pair_table(tokenizer._rank_of)
        self._size = 256 + len(tokenizer.merges)
        self._published: Ids | None = None
        if isinstance(tokenizer, PublishedTokenizer):
            self._published = self._check(tokenizer)

    def _check(self, tokenizer: PublishedTokenizer) -> Ids:
        """The published id of each number, if merging alone gives all of this tokenizer's ids."""
        if tokenizer.normalization is not None:
            raise TokenizerError("tokenizer: must not normalize texts; normalize them first, or use its own encode")
        if None in tokenizer._published:
            raise TokenizerError("tokenizer: must have a token for each of the 256 bytes; use its own encode")
        published = np.array(tokenizer._published, np.int32)
        if tokenizer.whole_pieces:
            data, ends = b"".join(tokenizer.tokens.values()), np.cumsum([*map(len, tokenizer.tokens.values())])
            ids, scratch = np.array([*tokenizer.tokens]), np.empty(len(data) + _SLACK, np.int32)
            place = first_unmade(padded(data), ends, ids, published, self._kinds, self._memory(), scratch)
            if place >= 0:
                token = tokenizer.tokens[int(ids[place])]
                raise TokenizerError(f"tokenizer: merges must make each of its tokens, not so {token!r}; use its own")
        return published

    def encode(self, text: str) -> Ids:
        """The ids of a text."""
        found = [self.encode_bytes(utf8(block), self._rule) for block in blocks(checked(text))]
        ids = found[0] if len(found) == 1 else np.concatenate(found)
        return ids if self._published is None else self._published[ids]

    def encode_batch(self, texts: Iterable[str], *, threads: int = 1) -> list[Ids]:
        """The ids of several texts, each encoded on its own, by so many threads at once."""
        if threads == 1:
            return [self.encode(text) for text in texts]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.encode, texts))

    def encode_bytes(self, data: bytes, rule: int) -> Ids:
        """The numbers, in the order of merging, of a text's tokens, cut by the rule of that number in `edges.py`."""
        ids = np.empty(len(data) + _SLACK, np.int32)
        count = write_ids(padded(data), len(data), rule, self._kinds, self._memory(), ids)
        return ids[:count].copy()

    def _memory(self) -> Memory:
        """The tables of the thread that asks: two threads must not write into the same ones."""
        memory: Memory | None = getattr(self._threads, "memory", None)
        if memory is None:
            memory = self._threads.memory = new_memory(self._pairs, self._size)
        return memory


@compiled
def write_ids(text: Bytes, end: int, rule: int, kinds: Bytes, memory: Memory, ids: Ids) -> int:
    """Write the ids of the bytes up to `end` into `ids`; gives how many they are."""
    place = filled = 0
    while place < end:
        edge = piece_end(text, place, end, kinds, rule)
        length = edge - place
        count = 0
        if length <= SHORT_BYTES:
            count = recall_short(text, place, length, memory.short, ids, filled)
        if count == 0 and length <= LONG_BYTES:
            count = recall_long(text, place, length, memory.long, ids, filled)
        if count == 0:
            for k in range(length):
                ids[filled + k] = text[place + k]
            count = merge_in_place(ids, filled, length, memory)
            remember(text, place, length, memory, ids, filled, count)
        filled += count
        place = edge
    return filled


@compiled
def first_unmade(
    tokens: Bytes, ends: Integers, ids: Integers, published: Ids, kinds: Bytes, memory: Memory, scratch: Ids
) -> int:
    """The first of the tokens that merging does not make of its bytes, or -1. All lie in a row, up to `ends`."""
    start = 0
    for place, end in enumerate(ends):
        count = write_ids(tokens[start:], end - start, WHOLE, kinds, memory, scratch)
        if count != 1 or published[scratch[0]] != ids[place]:
            return place
        start = end
    return -1
