"""What the verbs share: adding one to the command, texts that are named in it, files that are written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, get_args

from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.corpus.cleaning import Controls, LineBreaks, Normalization
from llm_tokenizer.corpus.file_search import JSON_LINES, TEXT_FILES
from llm_tokenizer.corpus.text import read_parts, read_placed_documents, text_files
from llm_tokenizer.corpus.unicode_decoding import Errors, decoded_blocks, source_name
from llm_tokenizer.files.writing import atomic_write, write_errors_as
from llm_tokenizer.interface import TokenizerError


def add_tokenizer(verb: argparse.ArgumentParser) -> None:
    """The first argument of most verbs."""
    verb.add_argument("tokenizer", help="a folder that holds tokenizer.json, or a vocabulary file of any known format")


def add_allow_special(verb: argparse.ArgumentParser) -> None:
    """`--allow-special NAME`, as often as one likes."""
    verb.add_argument(
        "--allow-special",
        action="append",
        default=[],
        metavar="NAME",
        help='let this special token work in the text; "all" allows all of them',
    )


def allowed_special(options: argparse.Namespace) -> list[str] | str:
    """The names that were allowed, or the one word all."""
    names: list[str] = options.allow_special
    return "all" if names == ["all"] else names


def add_errors(verb: argparse.ArgumentParser) -> None:
    """`--errors`, for bytes that are not UTF-8."""
    verb.add_argument(
        "--errors",
        choices=get_args(Errors),
        default="strict",
        help="what to do with bytes that are not UTF-8: refuse, replace by U+FFFD, or drop them (default: strict)",
    )


def add_corpus(verb: argparse.ArgumentParser) -> None:
    """A corpus and how it is read."""
    verb.add_argument(
        "corpus", nargs="+", help="text files, folders of .txt and .md files, globs, or - for standard input"
    )
    verb.add_argument("--separator", help="a line that stands alone between two documents")
    verb.add_argument("--field", help="each line is a JSON object, and this field of it is a document (.jsonl)")
    verb.add_argument("--normalization", choices=get_args(Normalization), help="Unicode normalization (default: none)")
    verb.add_argument("--line-breaks", choices=get_args(LineBreaks), default="lf", help="as LF, or kept (default: lf)")
    verb.add_argument(
        "--controls", choices=get_args(Controls), default="keep", help="control characters (default: keep)"
    )
    add_errors(verb)


def documents(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """The documents of everything that was named, each after its place, with a line of progress."""
    for source, how in _named(options):
        yield from read_placed_documents(source, **how)


def parts(options: argparse.Namespace, special_tokens: Collection[str]) -> Iterator[str]:
    """The same for training: a long document comes in parts, and special tokens are left out."""
    for source, how in _named(options):
        yield from read_parts(source, special_tokens=special_tokens, **how)


def _named(options: argparse.Namespace) -> Iterator[tuple[str | Path, dict[str, Any]]]:
    """Every file that was named, and how it is to be read."""
    suffixes = TEXT_FILES if options.field is None else JSON_LINES
    sources: list[str | Path] = []
    for corpus in options.corpus:
        sources += [corpus] if corpus == "-" else text_files(corpus, suffixes)
    how = ("separator", "field", "normalization", "errors", "line_breaks", "controls")
    with Progress() as progress:
        for place, source in enumerate(sources):
            progress("reading files", place, len(sources))
            yield source, {name: getattr(options, name) for name in how}


def add_text(verb: argparse.ArgumentParser) -> None:
    """`--text`, the text itself, and `--errors` for a file."""
    verb.add_argument("--text", help="the text itself, instead of a file")
    add_errors(verb)


def text_blocks(options: argparse.Namespace) -> Iterator[str]:
    """The text that was given: in the command itself, as a file, or through a pipe. Not a byte of it is changed."""
    if options.text is not None:
        if options.file != "-":
            raise TokenizerError(
                f"--text: stands for a file, and {options.file!r} was given too; leave one of them out"
            )
        yield options.text
    else:
        yield from decoded_blocks(options.file, errors=options.errors, keep_mark=True)


def whole_text(options: argparse.Namespace, *, most: int) -> str:
    """The same as one string of at most so many characters."""
    held: list[str] = []
    for block in text_blocks(options):
        held.append(block)
        if sum(map(len, held)) > most:
            raise TokenizerError(
                f"{source_name(options.file)}: must have at most {most:,} characters to be shown like this, has more; "
                "give a part of it, or use `show` without --html, or `stats`, which take a text of any size"
            )
    return "".join(held)


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """The bytes of a file, or of standard input for `-`."""
    if path == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(path).open("rb"))
        except OSError as error:
            raise TokenizerError(f"{path}: cannot be read: {error.strerror}; check the path") from None
        yield file


@contextmanager
def written(path: str) -> Iterator[BinaryIO]:
    """Standard output for `-`; else a file that appears under its name only when all of it is written."""
    if path == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with write_errors_as(TokenizerError, path), atomic_write(path) as stream:
        yield stream
