"""Learning a vocabulary from texts: their pieces are counted (`counting.py`), then merges learned (`learning.py`)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence

from llm_tokenizer.bpe.counting import count_pieces, require_count
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.learning import Progress, learn_merges
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import SpecialTokens


class EarlyStop(UserWarning):
    """Fewer tokens were learned than were allowed; the message says how many, and why there are no more."""


def train_bpe(
    texts: Iterable[str],
    *,
    vocab_size: int,
    pattern: str = "gpt2",
    special_tokens: Sequence[str] = (),
    min_frequency: int = 1,
    allow_smaller: bool = False,
    processes: int = 1,
    max_unique_pieces: int | None = None,
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
        min_frequency: A pair that stands less often is not merged.
        allow_smaller: Where the texts hold fewer merges, warn (`EarlyStop`) and return a smaller vocabulary.
        processes: How many processes cut and count the texts; the merges are the same.
        max_unique_pieces: A firm bound on the different pieces in memory; the rarest are forgotten beyond it.
        progress: Called as `progress(merges so far, merges wanted)` after every merge.

    Raises:
        TokenizerError: `vocab_size` is too small for the bytes, or larger than the texts can give.

    Spec: tokenizer.train_bpe
    Source: Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units.
    """

    def learn(wanted: int) -> list[Pair]:
        counts = count_pieces(
            texts, pattern, special_tokens=special_tokens, processes=processes, max_unique_pieces=max_unique_pieces
        )
        return learn_merges(counts, wanted, progress, min_frequency=min_frequency)

    return train_with(
        learn,
        vocab_size=vocab_size,
        pattern=pattern,
        special_tokens=special_tokens,
        min_frequency=min_frequency,
        allow_smaller=allow_smaller,
    )


def train_with(
    learn: Callable[[int], list[Pair]],
    *,
    vocab_size: int,
    pattern: str,
    special_tokens: Sequence[str],
    min_frequency: int = 1,
    allow_smaller: bool = False,
) -> BytePairTokenizer:
    """The tokenizer of the merges that `learn(how many)` finds.

    Where they are fewer than `vocab_size` asks for, that is an error, or with `allow_smaller` a warning; both say why.
    """
    first_ids = 256 + len(SpecialTokens(special_tokens, first_id=256).ids)
    if not isinstance(vocab_size, int) or vocab_size < first_ids:
        raise TokenizerError(
            f"vocab_size: must be a whole number of at least {first_ids} (256 bytes and {first_ids - 256} special "
            f"tokens), was {vocab_size!r}"
        )
    require_count("min_frequency", min_frequency)
    merges = learn(vocab_size - first_ids)
    found = first_ids + len(merges)
    if found < vocab_size:
        reason = "by then every piece is a single token"
        if min_frequency > 1:
            reason = f"by then no two neighbours stand together {min_frequency} times"
        if not allow_smaller:
            raise TokenizerError(
                f"vocab_size: these texts give at most {found} tokens, {vocab_size} were wanted: {reason}; "
                "ask for fewer, train on more text, or allow a smaller vocabulary",
                option="allow_smaller",
            )
        message = f"vocab_size: stopped at {found} tokens where {vocab_size} were allowed: {reason}"
        warnings.warn(EarlyStop(message), stacklevel=3)
    return BytePairTokenizer(merges, pattern=pattern, special_tokens=special_tokens)
