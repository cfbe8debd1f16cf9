"""Learning a vocabulary: merge the most frequent pair of neighbours, again and again.

Written for reading, the loop counts all pairs anew for every merge: that is `reference/`. Here three things make the
same merges come thousands of times sooner. Equal pieces are counted once and weighted. A pair knows the pieces that
it stands in, so a merge touches only those. And a heap gives the most frequent pair without looking at all.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

from llm_tokenizer.alphabet import tie_order
from llm_tokenizer.bpe import BytePairTokenizer
from llm_tokenizer.counting import count_pieces, require_count
from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.merging import Pair
from llm_tokenizer.special import SpecialTokens

Progress = Callable[[int, int], None]


class EarlyStop(UserWarning):
    """Fewer tokens were learned than were allowed; the message says how many, and why there are no more."""


def train_bpe(
    texts: Iterable[str],
    *,
    vocab_size: int,
    pattern: str = "gpt2",
    special_tokens: Sequence[str] = (),
    minimum_frequency: int = 1,
    at_most: bool = False,
    processes: int = 1,
    most_pieces: int | None = None,
    progress: Progress | None = None,
) -> BytePairTokenizer:
    """Learn a byte-pair tokenizer from texts. The same texts always give the same tokenizer.

    Why it works:
        What stands side by side often is worth a number of its own. Each merge shortens the text by as many tokens as
        the pair has places, so taking the most frequent pair is the step that shortens it most.

    The texts may be larger than memory: only the different pieces and how often they stand are kept (see
    `count_pieces`). Where the text of a special token stands in them, nothing is learned from it or across it.

    Args:
        texts: Documents, one string each; nothing is merged across their edges.
        vocab_size: How many ids there shall be: 256 bytes, the merges, and the special tokens.
        pattern: The name of the rule that cuts a text into pieces.
        special_tokens: Names of tokens that ordinary text cannot produce.
        minimum_frequency: A pair that stands less often is not merged.
        at_most: Take fewer tokens where the texts do not give so many, with the warning `EarlyStop`, not an error.
        processes: How many processes cut and count the texts; the merges are the same.
        most_pieces: A firm bound on the different pieces in memory; the rarest are forgotten beyond it.
        progress: Called as `progress(merges so far, merges wanted)` after every merge.

    Raises:
        TokenizerError: `vocab_size` is too small for the bytes, or larger than the texts can give.

    Spec: tokenizer.train_bpe
    Source: Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units.
    """

    def learn(wanted: int) -> list[Pair]:
        counts = count_pieces(
            texts, pattern, special_tokens=special_tokens, processes=processes, most_pieces=most_pieces
        )
        return learn_merges(counts, wanted, progress, minimum_frequency=minimum_frequency)

    return train_with(
        learn,
        vocab_size=vocab_size,
        pattern=pattern,
        special_tokens=special_tokens,
        minimum_frequency=minimum_frequency,
        at_most=at_most,
    )


def train_with(
    learn: Callable[[int], list[Pair]],
    *,
    vocab_size: int,
    pattern: str,
    special_tokens: Sequence[str],
    minimum_frequency: int = 1,
    at_most: bool = False,
) -> BytePairTokenizer:
    """The tokenizer of the merges that `learn(how many)` finds.

    Where they are fewer than `vocab_size` asks for, that is an error, or with `at_most` a warning; both say why.
    """
    first_ids = 256 + len(SpecialTokens(special_tokens, first_id=256).ids)
    if not isinstance(vocab_size, int) or vocab_size < first_ids:
        raise TokenizerError(
            f"vocab_size: must be a whole number of at least {first_ids} (256 bytes and {first_ids - 256} special "
            f"tokens), was {vocab_size!r}"
        )
    require_count("minimum_frequency", minimum_frequency)
    merges = learn(vocab_size - first_ids)
    found = first_ids + len(merges)
    if found < vocab_size:
        reason = "by then every piece is a single token"
        if minimum_frequency > 1:
            reason = f"by then no two neighbours stand together {minimum_frequency} times"
        if not at_most:
            raise TokenizerError(
                f"vocab_size: these texts give at most {found} tokens, {vocab_size} were wanted: {reason}; "
                "ask for fewer or train on more text"
            )
        message = f"vocab_size: stopped at {found} tokens where {vocab_size} were allowed: {reason}"
        warnings.warn(EarlyStop(message), stacklevel=3)
    return BytePairTokenizer(merges, pattern=pattern, special_tokens=special_tokens)


def learn_merges(
    counts: Mapping[str, int], wanted: int, progress: Progress | None = None, *, minimum_frequency: int = 1
) -> list[Pair]:
    """The first `wanted` merges for pieces that stand so often each.

    They are fewer when every piece is one token, or when no pair stands `minimum_frequency` times.

    Inside, a byte is numbered by its place in `tie_order`, so that of two equally frequent pairs the smaller pair of
    numbers is the one that goes first.

    Why it works:
        A merge changes the counts of its own pair and of the pairs next to it, of nothing else. So the counts are made
        once and then only corrected, in the few pieces that hold the pair.

    Spec: tokenizer.train_bpe
    """
    order = tie_order()
    number_of = {byte: number for number, byte in enumerate(order)}
    words = _Words([[number_of[byte] for byte in piece.encode()] for piece in counts], list(counts.values()))
    merges: list[Pair] = []
    while len(merges) < wanted and (pair := words.most_frequent_pair(minimum_frequency)) is not None:
        words.merge(pair, 256 + len(merges))
        left, right = (order[number] if number < 256 else number for number in pair)
        merges.append((left, right))
        if progress:
            progress(len(merges), wanted)
    return merges


def count_pairs(
    words: Sequence[Sequence[int]], counts: Sequence[int]
) -> tuple[defaultdict[Pair, int], defaultdict[Pair, list[int]]]:
    """How often each pair of neighbours stands in words that stand so often each, and the places of those words.

    Why it works:
        A text repeats its words, so each is looked at once and counts as often as it stands. Of `aaa` both pairs count,
        although only one of them can be merged.

    Spec: tokenizer.count_pairs
    """
    pair_counts: defaultdict[Pair, int] = defaultdict(int)
    places: defaultdict[Pair, list[int]] = defaultdict(list)  # some twice
    for place, (word, count) in enumerate(zip(words, counts, strict=True)):
        for pair in pairwise(word):
            pair_counts[pair] += count
            places[pair].append(place)
    return pair_counts, places


class _Words:
    """All distinct pieces as lists of numbers, with what is needed to find the next merge quickly."""

    def __init__(self, words: list[list[int]], counts: list[int]) -> None:
        self._words = words
        self._counts = counts
        self._pair_counts, self._places = count_pairs(words, counts)
        self._heap = [(-count, pair) for pair, count in self._pair_counts.items()]
        heapify(self._heap)

    def most_frequent_pair(self, least: int = 1) -> Pair | None:
        """The most frequent pair; of equals the smallest; None when there is none left that stands so often.

        Counts in the heap are never too small: the count of a pair can only fall once it is in there, because every
        pair that a merge brings about holds the new token and is new itself. So the top entry is right if its
        count still holds, and goes back with the true count if not.
        """
        while self._heap:
            negative_count, pair = heappop(self._heap)
            count = self._pair_counts[pair]
            if count == -negative_count:
                return pair if count >= least else None
            if count > 0:
                heappush(self._heap, (-count, pair))
        return None

    def merge(self, pair: Pair, new: int) -> None:
        """Replace the pair by the new token in every word that holds it, and count what changed around it.

        From left to right, so that of `aaa` the first two are merged.
        """
        left, right = pair
        counts, places = self._pair_counts, self._places
        come: defaultdict[Pair, int] = defaultdict(int)
        for place in set(places.pop(pair)):
            word, count = self._words[place], self._counts[place]
            end = len(word)
            at = kept = 0  # up to where the word is read and written again
            while at < end:
                token = word[at]
                at += 1
                if token == left and at < end and word[at] == right:
                    token = new
                    at += 1
                    if kept:
                        counts[word[kept - 1], left] -= count
                        before = (word[kept - 1], new)
                        come[before] += count
                        places[before].append(place)
                    if at < end:
                        counts[right, word[at]] -= count
                        after = (new, word[at])
                        come[after] += count
                        places[after].append(place)
                word[kept] = token
                kept += 1
            del word[kept:]
        del counts[pair]
        for changed, change in come.items():
            counts[changed] += change  # in `aaaa` the pair of new and old comes and goes again in one merge
            heappush(self._heap, (-counts[changed], changed))
