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
from llm_tokenizer.fast.compiling import Bytes, Ids, compiled, padded
from llm_tokenizer.fast.edges import O200K, RULES, piece_end
from llm_tokenizer.fast.letters import plain_word_end
from llm_tokenizer.fast.memory import LONG_BYTES, SHORT_BYTES, Memory, new_memory, recall_long, recall_short, remember
from llm_tokenizer.fast.merging import merge_in_place
from llm_tokenizer.fast.pairs import pair_table
from llm_tokenizer.special import utf8

_SLACK = 16  # ids that may be written beyond the last one


class FastEncoder:
    """Encodes as its tokenizer does, by compiled code. Several threads may use one at the same time.

    Why it works: a text is mostly words that came before. One pass over its bytes finds where a piece ends; a table
    that stays within the processor's cache gives the ids of a piece that was seen, and only a new one is merged.

    Args:
        tokenizer: Whose merges and pattern to use. Special tokens in a text are plain characters here.

    Spec: tokenizer.split_text, tokenizer.encode_bpe
    """

    def __init__(self, tokenizer: BytePairTokenizer) -> None:
        if not isinstance(tokenizer, BytePairTokenizer):
            raise TokenizerError(f"tokenizer: must be a BytePairTokenizer, was {type(tokenizer).__name__}")
        self._rule = RULES[tokenizer.pattern]
        self._pairs = pair_table(tokenizer.merges)
        self._vocabulary = 256 + len(tokenizer.merges)
        self._kinds = kinds_of_characters()
        self._threads = threading.local()

    def encode(self, text: str) -> Ids:
        """The ids of a text."""
        if not isinstance(text, str):
            raise TokenizerError(f"text: must be a string, was {type(text).__name__}")
        found = [self._encode_block(block) for block in blocks(text)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def encode_batch(self, texts: Iterable[str], *, threads: int = 1) -> list[Ids]:
        """The ids of several texts, each encoded on its own, by so many threads at once."""
        if threads == 1:
            return [self.encode(text) for text in texts]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.encode, texts))

    def _encode_block(self, block: str) -> Ids:
        data = utf8(block)
        ids = np.empty(len(data) + _SLACK, np.int32)
        count = encode_bytes(padded(data), len(data), self._rule, self._kinds, self._memory(), ids)
        return ids[:count].copy()

    def _memory(self) -> Memory:
        """The tables of the thread that asks: two threads must not write into the same ones."""
        memory: Memory | None = getattr(self._threads, "memory", None)
        if memory is None:
            memory = self._threads.memory = new_memory(self._pairs, self._vocabulary)
        return memory


@compiled
def encode_bytes(text: Bytes, end: int, rule: int, kinds: Bytes, memory: Memory, ids: Ids) -> int:
    """Write the ids of the bytes up to `end` into `ids`; gives how many they are."""
    place = filled = 0
    while place < end:
        edge = place
        if rule != O200K:
            edge = plain_word_end(text, place)
        if edge == place:
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
