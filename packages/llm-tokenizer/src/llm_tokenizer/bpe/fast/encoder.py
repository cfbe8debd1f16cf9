"""The fast encoder: the same ids as `BytePairTokenizer.encode`, as an array."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import accumulate, pairwise

import numpy as np

from llm_tokenizer.bpe.fast.blocks import blocks, groups
from llm_tokenizer.bpe.fast.characters import kinds_of_characters
from llm_tokenizer.bpe.fast.edges import RULES, WHOLE
from llm_tokenizer.bpe.fast.id_cache import Tables, new_tables
from llm_tokenizer.bpe.fast.instructions import PADDING, Ids, padded
from llm_tokenizer.bpe.fast.pairs import MAX_IDS, pair_table
from llm_tokenizer.bpe.fast.writing import SLACK, write_ids
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.interface import TokenizerError, require_count, require_str
from llm_tokenizer.special import utf8

_KEPT_IDS = 1 << 20  # an array of more is returned to the system after a text


class FastEncoder:
    """Encodes as its tokenizer does, by compiled code. Several threads may use one at the same time.

    Why it works:
        A text is mostly words that came before. One pass over its bytes finds where a pre-token ends; a table returns
        the ids of one that was seen, and only a new one is merged. Pre-tokens are looked up many at a time, so that the
        processor waits for memory once and not for each.

    Args:
        tokenizer: Whose merges and pattern to use. Special tokens in a text are plain characters here.

    Raises:
        TokenizerError: The tokenizer does more to a text than to split and to merge; the message says what.

    Spec: tokenizer.split_text, tokenizer.encode_bpe
    """

    def __init__(self, tokenizer: BytePairTokenizer | PretrainedTokenizer) -> None:
        if not isinstance(tokenizer, (BytePairTokenizer, PretrainedTokenizer)):
            raise TokenizerError(
                f"tokenizer: must be a BytePairTokenizer or PretrainedTokenizer, was {type(tokenizer).__name__}"
            )
        self._rule = RULES[tokenizer.pattern]
        self._kinds = kinds_of_characters()
        self._free: list[tuple[Tables, Ids]] = []
        self._pairs = pair_table(tokenizer.rank_of)
        self._ids = _published_ids(tokenizer)
        if tokenizer.ignore_merges:
            self._check_ignore_merges(tokenizer)

    def _check_ignore_merges(self, tokenizer: BytePairTokenizer | PretrainedTokenizer) -> None:
        """Check that merging alone makes each token, where a pre-token that is a token must become it."""
        found = self._encode_together([*tokenizer.tokens.values()], WHOLE)
        for (id, token), ids in zip(tokenizer.tokens.items(), found, strict=True):
            if len(ids) != 1 or ids[0] != id:
                raise TokenizerError(
                    f"tokenizer: merges must make each of its tokens, not so {token!r}; use its own encode"
                )

    def encode(self, text: str) -> Ids:
        """Return the ids of a text."""
        found = [self.encode_bytes(utf8(block), self._rule) for block in blocks(require_str(text))]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def encode_batch(self, texts: Iterable[str], *, threads: int = 1) -> list[Ids]:
        """Return the ids of several texts, each encoded on its own, by this many threads at once."""
        require_count("threads", threads)
        if threads == 1:
            return [ids for group in groups(texts) for ids in self._encode_group(group)]
        every = list(groups(texts))
        found: list[list[Ids]] = [[]] * len(every)
        numbers = iter(range(len(every)))

        def work() -> None:
            for number in numbers:  # the threads take from the same iterator: whoever is free takes the next group
                found[number] = self._encode_group(every[number])

        with ThreadPoolExecutor(threads) as pool:  # a call for each group would wake up a third thread after each
            try:
                for one in as_completed([pool.submit(work) for _ in range(threads)]):
                    one.result()
            finally:
                list(numbers)  # after an error nobody finds another one
        return [ids for part in found for ids in part]

    def encode_bytes(self, data: bytes, rule: int) -> Ids:
        """Return the ids of a text in UTF-8, split by the rule of that number in `edges.py`."""
        return self._encode_together([data], rule)[0]

    def _encode_group(self, texts: list[str]) -> list[Ids]:
        """Return the ids of neighboring texts, or of a single one, which may be long."""
        return [self.encode(texts[0])] if len(texts) == 1 else self._encode_together([*map(utf8, texts)], self._rule)

    def _encode_together(self, texts: list[bytes], rule: int) -> list[Ids]:
        try:
            tables, ids = self._free.pop()  # so there are as many as threads at one time, and what one learned stays
        except IndexError:
            tables, ids = new_tables(self._pairs, self._ids), np.empty(0, np.int32)
        text = padded(*texts)
        ends = np.array([end - PADDING for end in accumulate(len(text) + PADDING for text in texts)], np.int64)
        if len(ids) < len(text) + SLACK:  # never more than one id for each byte
            ids = np.empty(2 * len(text) + SLACK, np.int32)
        write_ids(text, ends, rule, self._kinds, *tables, ids)
        found = [ids[start:end].copy() for start, end in pairwise([0, *ends.tolist()])]
        self._free.append((tables, ids if len(ids) <= _KEPT_IDS else ids[:0].copy()))  # not so after an error
        return found


def _published_ids(tokenizer: BytePairTokenizer | PretrainedTokenizer) -> Ids:
    """Return the id of each token in the order of merging, if merging alone yields all of this tokenizer's ids."""
    if tokenizer.normalization is not None:
        raise TokenizerError("tokenizer: must not normalize texts; normalize them first, or use its own encode")
    if None in tokenizer.published_ids:
        raise TokenizerError("tokenizer: must have a token for each of the 256 bytes; use its own encode")
    ids = np.array(tokenizer.published_ids, np.int64)
    if ids.max() >= MAX_IDS:
        raise TokenizerError(f"tokenizer: the fast encoder takes ids below {MAX_IDS}, was {ids.max()}")
    return ids.astype(np.int32)
