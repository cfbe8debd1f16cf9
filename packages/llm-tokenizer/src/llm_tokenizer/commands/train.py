"""The verb `train`."""

from __future__ import annotations

import argparse
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
from llm_tokenizer.files.huggingface_writing import FILE, save_tokenizer
from llm_tokenizer.files.writing import UNFINISHED, failed_write
from llm_tokenizer.interface import TokenizerError

EXAMPLES = """\
  llm-tokenizer train plays/ --vocab-size 4096 --special-token '<|endoftext|>' --output shakespeare
  llm-tokenizer train 'news/*.jsonl.gz' --field text --min-frequency 2 --processes 4 -o news
  zcat dump.gz | llm-tokenizer train - --separator '<|end|>' --allow-smaller -o dump
"""


def add_verb(parser: Parser) -> None:
    """Describe the verb and its options."""
    verb = parser.add_verb("train", train, "train a tokenizer on text files and save it", EXAMPLES)
    add_corpus(verb)
    verb.add_argument("--output", "-o", required=True, metavar="FOLDER", help="where to save the tokenizer")
    verb.add_argument("--replace", action="store_true", help="replace the tokenizer that is in the folder already")
    verb.add_argument(
        "--vocab-size", type=int, default=4096, metavar="N",
        help="vocabulary size, bytes and special tokens included (default: 4096)",
    )  # fmt: skip
    verb.add_argument(
        "--allow-smaller", action="store_true", help="accept a smaller vocabulary if the corpus is too small"
    )
    verb.add_argument(
        "--pattern", type=str.lower, default="gpt2", help=f"how text is split: {', '.join(PATTERNS)} (default: gpt2)"
    )
    verb.add_argument("--special-token", action="append", default=[], metavar="NAME", help="may be given several times")
    verb.add_argument(
        "--min-frequency", type=int, default=1, metavar="N", help="minimum frequency of a merged pair (default: 1)"
    )
    verb.add_argument("--processes", type=int, default=1, metavar="N", help="processes that count (default: 1)")
    verb.add_argument(
        "--max-unique-pre-tokens", type=int, metavar="N",
        help="drop the rarest pre-tokens beyond this number (default: keep all)",
    )  # fmt: skip
    verb.add_argument(
        "--fast", action="store_true", help="the same tokenizer many times faster: compiled, needs the extra `fast`"
    )
    verb.add_argument(
        "--characters", action="store_true", help="one token per character; nothing is merged, --vocab-size is ignored"
    )


def train(options: argparse.Namespace) -> None:
    """Train a tokenizer and save it."""
    tokenizer: BytePairTokenizer | CharacterTokenizer
    if not options.output:
        raise TokenizerError("--output: must be the name of a folder, was empty")
    learn = (_fast_training if options.fast else _clear_training)(options)
    with _reserved(Path(options.output), replace=options.replace):
        if options.characters:
            tokenizer = CharacterTokenizer.train(parts(options, ()), options.special_token)
        else:
            tokenizer = _train_bpe(options, learn)
        path = save_tokenizer(tokenizer, options.output)
    print(f"{quantity(tokenizer.vocab_size, 'token')} in {path}")


@contextmanager
def _reserved(folder: Path, *, replace: bool) -> Iterator[None]:
    """Reserve the folder for this run: another run into it is refused before it learns anything, not afterwards.

    Raises:
        TokenizerError: The folder holds a tokenizer, or another run is about to write one there.
    """
    mark = folder / f"{FILE}{UNFINISHED}"
    if (folder / FILE).exists() and not replace:
        raise TokenizerError(
            f"{folder}: holds a tokenizer already; choose another folder for --output, or use --replace"
        )
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
        yield
    finally:
        mark.unlink(missing_ok=True)
        if made:
            with suppress(OSError):
                folder.rmdir()  # where nothing was saved


def _clear_training(options: argparse.Namespace) -> Callable[..., BytePairTokenizer]:
    return partial(train_bpe, processes=options.processes, max_unique_pre_tokens=options.max_unique_pre_tokens)


def _fast_training(options: argparse.Namespace) -> Callable[..., BytePairTokenizer]:
    """Return the compiled `train_bpe`; refuse options that it does not have."""
    taken = {"--processes": options.processes != 1, "--characters": options.characters}
    taken["--max-unique-pre-tokens"] = options.max_unique_pre_tokens is not None
    for option in (option for option, is_taken in taken.items() if is_taken):
        raise TokenizerError(f"--fast: cannot be combined with {option}; leave one of them out")
    try:
        from llm_tokenizer.bpe import fast  # imports numba
    except ModuleNotFoundError:
        raise TokenizerError(
            '--fast: needs numba, which is not installed: run `pip install "numba==0.68.*"`, or leave it out'
        ) from None
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
