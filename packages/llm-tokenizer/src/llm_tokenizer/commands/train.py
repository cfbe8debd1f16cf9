"""The verb `train`."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.bpe.training import EarlyStop, train_bpe
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.commands.options import add_corpus, parts
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.corpus.unicode_decoding import decode_strictly
from llm_tokenizer.files.huggingface_writing import FILE, save_tokenizer
from llm_tokenizer.files.sentencepiece import FILE as MODEL_FILE
from llm_tokenizer.files.writing import UNFINISHED, failed_write
from llm_tokenizer.interface import TokenizerError

EXAMPLES = """\
  llm-tokenizer train plays/ --vocab-size 4096 --special-token '<|endoftext|>' --output shakespeare
  llm-tokenizer train 'news/*.jsonl.gz' --field text --min-frequency 2 --processes 4 -o news
  zcat dump.gz | llm-tokenizer train - --separator '<|end|>' --allow-smaller -o dump
"""
# Options that only merging has, and their defaults.
_OF_MERGING: dict[str, object] = {
    "vocab_size": 4096, "allow_smaller": False, "pattern": "gpt2", "min_frequency": 1, "processes": 1,
    "max_unique_pre_tokens": None, "fast": False,
}  # fmt: skip


def add_verb(parser: Parser) -> None:
    """Describe the verb and its options."""
    verb = parser.add_verb("train", train, "train a tokenizer on text files and save it", EXAMPLES)
    add_corpus(verb)
    verb.add_argument("--output", "-o", required=True, metavar="FOLDER", help="where to save the tokenizer")
    verb.add_argument("--replace", action="store_true", help="replace the tokenizer that is in the folder already")
    verb.add_argument(
        "--vocab-size", type=int, metavar="N", help="vocabulary size, bytes and special tokens included (default: 4096)"
    )
    verb.add_argument(
        "--allow-smaller", action="store_true", help="accept a smaller vocabulary if the corpus is too small"
    )
    verb.add_argument("--pattern", type=str.lower, help=f"how text is split: {', '.join(PATTERNS)} (default: gpt2)")
    verb.add_argument(
        "--special-token",
        action="append",
        default=[],
        metavar="NAME",
        help="a token of its own that no merge reaches into, such as <|endoftext|>; may be given several times",
    )
    verb.add_argument("--min-frequency", type=int, metavar="N", help="minimum frequency of a merged pair (default: 1)")
    verb.add_argument("--processes", type=int, metavar="N", help="processes that count (default: 1)")
    verb.add_argument(
        "--max-unique-pre-tokens", type=int, metavar="N",
        help="drop the rarest pre-tokens beyond this number (default: keep all)",
    )  # fmt: skip
    verb.add_argument(
        "--fast", action="store_true", help="train the same tokenizer with compiled functions; needs the extra `fast`"
    )
    verb.add_argument("--characters", action="store_true", help="one token per character; nothing is merged")
    verb.set_defaults(**_OF_MERGING)


def train(options: argparse.Namespace) -> None:
    """Train a tokenizer and save it."""
    tokenizer: BytePairTokenizer | CharacterTokenizer
    if not options.output:
        raise TokenizerError("--output: must be the name of a folder, was empty")
    if options.fast:
        _refuse_beside("--fast", options, "processes", "max_unique_pre_tokens")
    if options.characters:
        _refuse_beside("--characters", options, *_OF_MERGING)
    options.special_token = [decode_strictly(os.fsencode(name), "--special-token") for name in options.special_token]
    learn = (_fast_training if options.fast else _clear_training)(options)
    with _reserved(Path(options.output), replace=options.replace):
        if options.characters:
            tokenizer = CharacterTokenizer.train(parts(options, ()), options.special_token)
        else:
            tokenizer = _train_bpe(options, learn)
        path = save_tokenizer(tokenizer, options.output)
    print(f"{quantity(tokenizer.vocab_size, 'token')} in {path}")


def _refuse_beside(chosen: str, options: argparse.Namespace, *others: str) -> None:
    """Refuse options that would change nothing beside the chosen one."""
    for name in others:
        if getattr(options, name) != _OF_MERGING[name]:
            other = f"--{name.replace('_', '-')}"
            raise TokenizerError(f"{chosen}: cannot be combined with {other}; leave one of them out")


@contextmanager
def _reserved(folder: Path, *, replace: bool) -> Iterator[None]:
    """Reserve the folder for this run: another run into it is refused before it learns anything, not afterwards.

    Raises:
        TokenizerError: The folder holds a tokenizer, or another run is about to write one there.
    """
    mark = folder / f"{FILE}{UNFINISHED}"
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark.open("wb" if replace else "xb").close()
    except FileExistsError as error:
        if error.filename != str(mark):
            raise TokenizerError(f"{folder}: must be a folder to write into, is a file; choose another") from None
        raise TokenizerError(
            f"{folder}: another training is about to write here, or was interrupted ({mark.name} is there); choose "
            "another folder for --output, or use --replace"
        ) from None
    except OSError as error:
        raise TokenizerError(failed_write(folder, error)) from None
    try:
        if not replace and any((folder / name).exists() for name in (FILE, MODEL_FILE)):
            raise TokenizerError(
                f"{folder}: holds a tokenizer already; choose another folder for --output, or use --replace"
            )
        yield
    finally:
        mark.unlink(missing_ok=True)
        if made:
            with suppress(OSError):
                folder.rmdir()  # where nothing was saved


def _clear_training(options: argparse.Namespace) -> Callable[..., BytePairTokenizer]:
    return partial(train_bpe, processes=options.processes, max_unique_pre_tokens=options.max_unique_pre_tokens)


def _fast_training(options: argparse.Namespace) -> Callable[..., BytePairTokenizer]:
    """Return the compiled `train_bpe`."""
    try:
        from llm_tokenizer.bpe import fast  # imports numba
    except ModuleNotFoundError as error:
        raise TokenizerError(f"--fast: {error}") from None
    return fast.train_bpe


def _train_bpe(options: argparse.Namespace, learn: Callable[..., BytePairTokenizer]) -> BytePairTokenizer:
    with warnings.catch_warnings(record=True) as told, Progress() as progress:
        warnings.simplefilter("always", EarlyStop)
        tokenizer = learn(
            parts(options, options.special_token),
            vocab_size=options.vocab_size,
            pattern=options.pattern,
            special_tokens=options.special_token,
            min_frequency=options.min_frequency,
            allow_smaller=options.allow_smaller,
            progress=partial(progress, "learning merges"),
        )
    for warning in told:
        print(f"llm-tokenizer: {warning.message}", file=sys.stderr)
    return tokenizer
