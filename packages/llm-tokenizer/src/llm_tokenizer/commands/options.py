"""What several verbs have in common: options, the texts and files that these name, and how results are printed."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, get_args

from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.corpus.cleaning import Controls, LineBreaks, Normalization
from llm_tokenizer.corpus.file_search import JSON_LINES, TEXT_FILES, text_files
from llm_tokenizer.corpus.id_files import FORMATS
from llm_tokenizer.corpus.text import read_parts, read_placed_documents
from llm_tokenizer.corpus.unicode_decoding import Errors, decoded_blocks, source_name
from llm_tokenizer.files.detecting import load_tokenizer
from llm_tokenizer.files.fields import failed_read
from llm_tokenizer.files.huggingface_reading import LoadedTokenizer
from llm_tokenizer.files.writing import atomic_write, write_errors_as
from llm_tokenizer.interface import TokenizerError

MOST_SHOWN = 1 << 22  # characters, on a page or side by side; `show` and `stats` take a text of any size


def add_tokenizer(verb: argparse.ArgumentParser) -> None:
    """Add the first argument of most verbs."""
    verb.add_argument("tokenizer", help="a folder that holds tokenizer.json, or a vocabulary file of any known format")


def load_named(options: argparse.Namespace) -> LoadedTokenizer:
    """Load the tokenizer that the first word names."""
    try:
        return load_tokenizer(options.tokenizer)
    except TokenizerError as error:
        hint = " (the tokenizer comes first; a text or ids come after it, as a file, or through a pipe)"
        raise TokenizerError(f"{error}{'' if Path(options.tokenizer).is_dir() else hint}") from None


def add_encoding(verb: argparse.ArgumentParser) -> None:
    """Add a tokenizer, a text, and the special tokens that work in it."""
    add_tokenizer(verb)
    add_text(verb)
    verb.add_argument(
        "--allow-special",
        action="append",
        default=[],
        metavar="NAME",
        help='encode this special token in the text as its id; "all" allows all of them',
    )


def allowed_special(options: argparse.Namespace) -> list[str] | str:
    """Return the names that were allowed, or the word "all"."""
    names: list[str] = options.allow_special
    return "all" if names == ["all"] else names


def add_errors(verb: argparse.ArgumentParser) -> None:
    """Add `--errors`, for bytes that are not UTF-8."""
    verb.add_argument(
        "--errors",
        choices=get_args(Errors),
        default="strict",
        help="what to do with bytes that are not UTF-8: refuse, replace by U+FFFD, or drop them (default: strict)",
    )


def add_corpus(verb: argparse.ArgumentParser) -> None:
    """Add a corpus and how it is read."""
    verb.add_argument(
        "corpus", nargs="+", help="text files, folders of .txt and .md files, globs, or - for standard input"
    )
    verb.add_argument("--separator", help="the line between two documents")
    verb.add_argument("--field", help="each line is a JSON object, and this field of it is a document (.jsonl)")
    verb.add_argument("--normalization", choices=get_args(Normalization), help="Unicode normalization (default: none)")
    verb.add_argument("--line-breaks", choices=get_args(LineBreaks), default="lf", help="as LF, or kept (default: lf)")
    verb.add_argument(
        "--controls", choices=get_args(Controls), default="keep", help="control characters (default: keep)"
    )
    add_errors(verb)


def add_format(verb: argparse.ArgumentParser) -> None:
    """Add `--format` and `--output` for ids."""
    verb.add_argument(
        "--format",
        type=str.lower,
        choices=FORMATS,
        default="text",
        help="the ids as text, as a NumPy file, or as raw little-endian numbers (default: text)",
    )
    verb.add_argument(
        "--output", "-o", default="-", metavar="FILE", help="the file to write (default: standard output)"
    )


def add_file(verb: argparse.ArgumentParser, what: str, *, positional: bool = True) -> None:
    """Add the file to read, as `--file` and as a plain argument."""
    if positional:
        verb.add_argument(
            "place", nargs="?", metavar="FILE", help=f"the file with the {what} (default: standard input)"
        )
    verb.add_argument("--file", metavar="FILE", help=f"the file with the {what}; - is standard input")


def file_of(options: argparse.Namespace) -> str:
    """Return the file to read; `-` is standard input."""
    place: str | None = getattr(options, "place", None)
    if place is not None and options.file is not None:
        raise TokenizerError(f"--file: names the same as {place!r}; leave one of them out")
    file: str | None = options.file if place is None else place
    return "-" if file is None else file


def add_text(verb: argparse.ArgumentParser, *, positional: bool = True) -> None:
    """Add the text to work on: `--text`, `--file` or a plain argument, and `--errors`."""
    add_file(verb, "text", positional=positional)
    verb.add_argument("--text", help="the text itself, instead of a file")
    add_errors(verb)


class _Text(io.BytesIO):
    name = "--text"


def text_blocks(options: argparse.Namespace) -> Iterator[str]:
    """Yield the text that was given: in the command itself, as a file, or through a pipe. Not a byte is changed."""
    file = file_of(options)
    if options.text is not None and file != "-":
        raise TokenizerError(f"--text: replaces a file, but {file!r} was given too; leave one of them out")
    source = file if options.text is None else _Text(os.fsencode(options.text))
    return _noted_if_empty(source_name(source), decoded_blocks(source, errors=options.errors, keep_mark=True))


def _noted_if_empty(name: str, blocks: Iterator[str]) -> Iterator[str]:
    """Yield the same blocks; an empty text is not a mistake, but probably not what was meant."""
    first = next(blocks, None)
    if first is None:
        print(f"llm-tokenizer: note: {name} is empty", file=sys.stderr)
    else:
        yield first
        yield from blocks


def whole_text(options: argparse.Namespace) -> str:
    """Return the same as one string of at most MOST_SHOWN characters."""
    held: list[str] = []
    for block in text_blocks(options):
        held.append(block)
        if sum(map(len, held)) > MOST_SHOWN:
            raise TokenizerError(
                f"{source_name(file_of(options))}: must have at most {MOST_SHOWN:,} characters to be shown like this, "
                "has more; give a part of it, or use `show` without --html, or `stats`, which take a text of any size"
            )
    return "".join(held)


def documents(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield the documents of everything that was named, each after its place, with a progress line."""
    for source, how in _named(options):
        yield from read_placed_documents(source, **how)


def parts(options: argparse.Namespace, special_tokens: Collection[str]) -> Iterator[str]:
    """Yield the same for training: a long document in parts, and without special tokens."""
    for source, how in _named(options):
        yield from read_parts(source, special_tokens=special_tokens, **how)


def _named(options: argparse.Namespace) -> Iterator[tuple[str | Path, dict[str, Any]]]:
    """Yield every file that was named, and how it is to be read."""
    suffixes = TEXT_FILES if options.field is None else JSON_LINES
    sources: list[str | Path] = []
    for corpus in options.corpus:
        sources += [corpus] if corpus == "-" else text_files(corpus, suffixes)
    how = ("separator", "field", "normalization", "errors", "line_breaks", "controls")
    with Progress() as progress:
        for place, source in enumerate(sources):
            progress("reading files", place, len(sources))
            yield source, {name: getattr(options, name) for name in how}


def opened(path: str) -> AbstractContextManager[BinaryIO]:
    """Open a file, or standard input for `-`."""
    try:
        return nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb")
    except OSError as error:
        raise TokenizerError(failed_read(path, error)) from None


@contextmanager
def written(path: str) -> Iterator[BinaryIO]:
    """Open standard output for `-`; else a file that appears under its name only when all of it is written."""
    if path == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with write_errors_as(TokenizerError, path), atomic_write(path) as stream:
        yield stream


def print_json(content: object) -> None:
    """Print JSON; what is not UTF-8 in a name is escaped."""
    shown = json.dumps(content, ensure_ascii=False, indent=2)
    print(shown.encode("utf-8", "backslashreplace").decode("utf-8"))
