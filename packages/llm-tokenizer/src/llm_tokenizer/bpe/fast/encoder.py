"""The fast encoder: the same ids as `BytePairTokenizer.encode`, as an array, many times sooner."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import accumulate, pairwise

import numpy as np

from llm_tokenizer.bpe.fast.blocks import blocks, groups
from llm_tokenizer.bpe.fast.characters import kinds_of_characters
from llm_tokenizer.bpe.fast.edges import RULES
from llm_tokenizer.bpe.fast.instructions import PADDING, Address, Ids, address_of, padded
from llm_tokenizer.bpe.fast.memory import Tables
from llm_tokenizer.bpe.fast.pairs import MOST_IDS, pair_table
from llm_tokenizer.bpe.fast.writing import SLACK, first_unmade, write_ids
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import checked, utf8

_KEPT_ROOM = 1 << 20  # ids; more than that is given back to the system after a text
_GAP = bytes(PADDING)


class FastEncoder:
    """Encodes as its tokenizer does, by compiled code. Several threads may use one at the same time.

    Why it works:
        A text is mostly words that came before. One pass over its bytes finds where a piece ends; a table gives the
        ids of a piece that was seen, and only a new one is merged. The pieces are looked up many at a time, so that
        the processor waits for memory once and not for each.

    Args:
        tokenizer: Whose merges and pattern to use. Special tokens in a text are plain characters here.

    Raises:
        TokenizerError: The tokenizer does more to a text than to cut and to merge; the message says what.

    Spec: tokenizer.split_text, tokenizer.encode_bpe
    """

    def __init__(self, tokenizer: BytePairTokenizer | PretrainedTokenizer) -> None:
        if not isinstance(tokenizer, (BytePairTokenizer, PretrainedTokenizer)):
            raise TokenizerError(
                f"tokenizer: must be a BytePairTokenizer or PretrainedTokenizer, was {type(tokenizer).__name__}"
            )
        self._rule = RULES[tokenizer.pattern]
        self._kinds = kinds_of_characters()
        self._kinds_address = address_of(self._kinds)
        self._free: list[_Workplace] = []
        self._pairs = pair_table(tokenizer._rank_of)
        if isinstance(tokenizer, PretrainedTokenizer):
            self._ids = _published_ids(tokenizer)
            self._check_ignore_merges(tokenizer)
        else:
            self._ids = np.arange(256 + len(tokenizer.merges), dtype=np.int32)

    def _check_ignore_merges(self, tokenizer: PretrainedTokenizer) -> None:
        """Whether merging alone makes each token, where a piece that is a token must become it."""
        if not tokenizer.ignore_merges:
            return
        tokens = [*tokenizer.tokens.items()]
        ends, ids = np.cumsum([len(token) for _, token in tokens]), np.array([id for id, _ in tokens], np.int64)
        workplace, data = self._workplace(), b"".join(token for _, token in tokens)
        longest = max(len(token) for _, token in tokens)
        workplace.tables.make_room(longest)  # to merge each as a whole
        workplace.make_room(longest)
        place = first_unmade(
            padded(data), address_of(ends), address_of(ids), len(tokens), workplace.tables.address, workplace.address
        )
        if place >= 0:
            raise TokenizerError(
                f"tokenizer: merges must make each of its tokens, not so {tokens[place][1]!r}; use its own encode"
            )

    def encode(self, text: str) -> Ids:
        """The ids of a text."""
        found = [self.encode_bytes(utf8(block), self._rule) for block in blocks(checked(text))]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def encode_batch(self, texts: Iterable[str], *, threads: int = 1) -> list[Ids]:
        """The ids of several texts, each encoded on its own, by so many threads at once."""
        if threads == 1:
            return [ids for group in groups(texts) for ids in self._encode_group(group)]
        every = list(groups(texts))
        found: list[list[Ids]] = [[]] * len(every)
        numbers = iter(range(len(every)))

        def work() -> None:
            for number in numbers:  # the threads share them: whoever is free takes the next
                found[number] = self._encode_group(every[number])

        with ThreadPoolExecutor(threads) as pool:  # a call for each group would wake up a third thread after each
            try:
                for one in as_completed([pool.submit(work) for _ in range(threads)]):
                    one.result()
            finally:
                list(numbers)  # after an error nobody finds another one
        return [ids for part in found for ids in part]

    def _encode_group(self, texts: list[str]) -> list[Ids]:
        """The ids of neighbouring texts, or of a single one, which may be long."""
        return [self.encode(texts[0])] if len(texts) == 1 else self._encode_rows([*map(utf8, texts)], self._rule)

    def encode_bytes(self, data: bytes, rule: int) -> Ids:
        """The ids of a text in UTF-8, cut by the rule of that number in `edges.py`."""
        (ids,) = self._encode_rows([data], rule)
        return ids

    def _encode_rows(self, texts: list[bytes], rule: int) -> list[Ids]:
        place = self._workplace()
        found = place.encode(texts, rule, self._kinds_address)
        self._free.append(place)  # after an error it may be halfway through a text: then nobody uses it again
        return found

    def _workplace(self) -> _Workplace:
        """A workplace that nobody uses. So there are as many as threads at one time, and what one learned stays."""
        try:
            return self._free.pop()
        except IndexError:
            return _Workplace(Tables(self._pairs, self._ids))


class _Workplace:
    """Tables, and room for the ids of some texts: for one thread at a time."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._take(0)

    def encode(self, texts: list[bytes], rule: int, kinds: Address) -> list[Ids]:
        """The ids of each of several texts."""
        ends = array("q", [end - PADDING for end in accumulate(len(text) + PADDING for text in texts)])
        row, tables = _GAP.join([*texts, b""]), self.tables
        self.make_room(len(row))
        address, count = ends.buffer_info()
        while wanted := write_ids(row, address, count, rule, kinds, tables.address, self.address):
            tables.make_room(wanted)
        found = [self.ids[start:end].copy() for start, end in pairwise([0, *ends])]
        tables.give_back()
        if len(self.ids) > _KEPT_ROOM:
            self._take(0)
        return found

    def make_room(self, length: int) -> None:
        """Room for the ids of so many bytes: never more than one each."""
        if length + SLACK > len(self.ids):
            self._take(2 * length)

    def _take(self, length: int) -> None:
        self.ids = np.empty(length + SLACK, np.int32)
        self.address = address_of(self.ids)


def _published_ids(tokenizer: PretrainedTokenizer) -> Ids:
    """The published id of each number, if merging alone gives all of this tokenizer's ids."""
    if tokenizer.normalization is not None:
        raise TokenizerError("tokenizer: must not normalize texts; normalize them first, or use its own encode")
    if None in tokenizer._published:
        raise TokenizerError("tokenizer: must have a token for each of the 256 bytes; use its own encode")
    ids = np.array(tokenizer._published, np.int64)
    if ids.max() >= MOST_IDS:
        raise TokenizerError(f"tokenizer: the fast encoder takes ids below {MOST_IDS}, was {ids.max()}")
    return ids.astype(np.int32)
