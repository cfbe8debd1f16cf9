"""Byte-pair training: count the pre-tokens of the texts (`counting.py`), then merge the most frequent pair, repeatedly.

Written for reading, the loop counts all pairs again for every merge: that is `reference/`. Here three things make the
same merges thousands of times faster. Equal pre-tokens are counted once and weighted. A pair knows its positions, so a
merge touches only those. And a queue finds the most frequent pair without a search (both in `pair_index.py`).
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from llm_tokenizer.bpe.byte_unicode import tie_order
from llm_tokenizer.bpe.counting import count_pre_tokens
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pair_index import PairQueue, TokenRow
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.interface import TokenizerError, require_count
from llm_tokenizer.special import SpecialTokens

Progress = Callable[[int, int], None]


class EarlyStop(UserWarning):
    """Fewer tokens were learned than were allowed; the message says how many and why."""


def train_bpe(
    texts: Iterable[str],
    *,
    vocab_size: int,
    pattern: str = "gpt2",
    special_tokens: Sequence[str] = (),
    min_frequency: int = 1,
    allow_smaller: bool = False,
    processes: int = 1,
    max_unique_pre_tokens: int | None = None,
    progress: Progress | None = None,
) -> BytePairTokenizer:
    """Train a byte-pair tokenizer on texts. The same texts always lead to the same tokenizer.

    Why it works:
        Tokens that often occur side by side are worth an id of their own. Each merge shortens the text by as many
        tokens as the pair has positions, so merging the most frequent pair is the step that shortens it most.

    The texts may be larger than memory: only the unique pre-tokens and their counts are kept (`count_pre_tokens`).
    Where the text of a special token occurs in them, nothing is learned from it or across it.

    Args:
        texts: Documents, one string each; nothing is merged across their edges.
        vocab_size: The number of ids: 256 bytes, the merges, and the special tokens.
        pattern: The name of the rule that splits a text into pre-tokens.
        special_tokens: Names of tokens that ordinary text cannot produce.
        min_frequency: A pair that occurs less often is not merged.
        allow_smaller: Where the texts hold fewer merges, warn (`EarlyStop`) and return a smaller vocabulary.
        processes: How many processes split and count the texts; the merges are the same.
        max_unique_pre_tokens: A firm bound on the unique pre-tokens in memory; the rarest are dropped beyond it.
        progress: Called as `progress(merges so far, merges wanted)` after every merge.

    Raises:
        TokenizerError: `vocab_size` is too small for the bytes, or larger than the texts allow.

    Spec: tokenizer.train_bpe
    Source: Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units.
    """
    wanted = wanted_merges(vocab_size, special_tokens, min_frequency)
    counts = count_pre_tokens(
        texts, pattern, special_tokens=special_tokens, processes=processes, max_unique_pre_tokens=max_unique_pre_tokens
    )
    merges = learn_merges(counts, wanted, progress, min_frequency=min_frequency)
    check_enough(vocab_size, wanted - len(merges), min_frequency, allow_smaller)
    return BytePairTokenizer(merges, pattern=pattern, special_tokens=special_tokens)


def wanted_merges(vocab_size: int, special_tokens: Sequence[str], min_frequency: int) -> int:
    """Return how many merges there are to learn; refuse a vocabulary without room for bytes and special tokens."""
    first_ids = 256 + len(SpecialTokens(special_tokens, first_id=256).ids)
    if not isinstance(vocab_size, int) or vocab_size < first_ids:
        raise TokenizerError(
            f"vocab_size: must be a whole number of at least {first_ids} (256 for the bytes, {first_ids - 256} for "
            f"special tokens), was {vocab_size!r}"
        )
    require_count("min_frequency", min_frequency)
    return vocab_size - first_ids


def check_enough(vocab_size: int, missing: int, min_frequency: int, allow_smaller: bool) -> None:
    """Report merges that were not found: as an error, or with `allow_smaller` as a warning; both say why."""
    if not missing:
        return
    found = vocab_size - missing
    reason = f"with {found} every pre-token is a single token, so no pair is left to merge"
    if min_frequency > 1:
        reason = f"with {found} no pair is left that occurs {min_frequency} times"
    if not allow_smaller:
        raise TokenizerError(
            f"vocab_size: these texts allow at most {found} tokens, {vocab_size} were wanted: {reason}; "
            "train on more text or ask for fewer",
            option=f"vocab_size={found}",
        )
    message = f"vocab_size: stopped at {found} tokens where {vocab_size} were allowed: {reason}"
    warnings.warn(EarlyStop(message), stacklevel=3)


def learn_merges(
    counts: Mapping[str, int], wanted: int, progress: Progress | None = None, *, min_frequency: int = 1
) -> list[Pair]:
    """Return the first `wanted` merges for counted pre-tokens.

    They are fewer if every pre-token becomes one token, or if no pair occurs `min_frequency` times.

    Inside, a byte is numbered by its position in `tie_order`, so that of two equally frequent pairs the smaller pair of
    numbers is merged first.

    Why it works:
        A pair loses positions when a neighbor is merged with one of its tokens, and never gains one, because every
        pair that a merge creates contains the new token and is new itself. So counts in the queue are never too small
        and need no upkeep: only the first pair is counted again, and if its count still holds, it is the most
        frequent.

    Spec: tokenizer.train_bpe
    """
    order = tie_order()
    number_of = bytes.maketrans(bytes(order), bytes(range(256)))
    merges: list[Pair] = []
    with _without_garbage_collection():
        row = TokenRow([pre_token.encode().translate(number_of) for pre_token in counts], counts.values())
        queue = PairQueue()
        for pair, places in row.pairs().items():
            queue.put(row.count(places), (*pair, places))
        while len(merges) < wanted and (stale := queue.highest_count()) >= min_frequency:
            left, right, places = queue.take()
            places = row.still(left, right, places)
            count = row.count(places)
            if count < stale:
                queue.put(count, (left, right, places))
                continue
            for pair, new_places in row.merge(left, right, places):
                queue.put(row.count(new_places), (*pair, new_places))
            merges.append((order[left] if left < 256 else left, order[right] if right < 256 else right))
            if progress:
                progress(len(merges), wanted)
    return merges


def count_pairs(words: Sequence[Sequence[int]], counts: Iterable[int]) -> dict[Pair, int]:
    """Return how often each pair of neighbors occurs in counted words.

    Why it works:
        A text repeats its words, so each is looked at once and counts as often as it occurs. Of `aaa` both pairs
        count, although only one of them can be merged.

    Spec: tokenizer.count_pairs
    """
    row = TokenRow(words, counts)
    return {pair: row.count(places) for pair, places in row.pairs().items()}


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Search for no cycles: there are none, and looking through all lists of positions takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
