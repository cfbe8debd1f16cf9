"""The command `llm-tokenizer`: train, encode, decode, show."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from llm_tokenizer.bpe import BytePairTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.files.detecting import load_tokenizer
from llm_tokenizer.files.huggingface import save_tokenizer
from llm_tokenizer.patterns import PATTERNS
from llm_tokenizer.progress import ProgressLine
from llm_tokenizer.text import Normalization, decode_strictly, read_documents, text_files
from llm_tokenizer.training import train_bpe

EXAMPLES = """examples:
  llm-tokenizer train plays/ --vocab-size 4096 --special-token '<|endoftext|>' --output shakespeare
  echo 'To be, or not to be' | llm-tokenizer encode shakespeare
  llm-tokenizer encode shakespeare hamlet.txt | llm-tokenizer decode shakespeare
  llm-tokenizer show shakespeare --text 'To be, or not to be'
  llm-tokenizer show shakespeare hamlet.txt --html hamlet.html
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the answer is its exit status: 0, or 2 after a mistake that the message names."""
    try:
        options = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], None] = options.run
        run(options)
        sys.stdout.flush()
    except TokenizerError as error:
        print(f"llm-tokenizer: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("llm-tokenizer: error: stopped", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has gone; nothing may be written at exit any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("llm-tokenizer: error: the program that read the output has stopped", file=sys.stderr)
        return 2
    return 0


def train(options: argparse.Namespace) -> None:
    """Learn a tokenizer and save it."""
    tokenizer: BytePairTokenizer | CharacterTokenizer
    if options.characters:
        tokenizer = CharacterTokenizer.train(_documents(options), options.special_token)
    else:
        learning = ProgressLine("learning merges")
        tokenizer = train_bpe(
            _documents(options),
            vocab_size=options.vocab_size,
            pattern=options.pattern,
            special_tokens=options.special_token,
            progress=learning,
        )
        learning.close()
    path = save_tokenizer(tokenizer, options.output)
    print(f"{tokenizer.vocab_size} tokens in {path}")


def _documents(options: argparse.Namespace) -> Iterator[str]:
    """The documents of all files that were named, with a line of progress."""
    reading = ProgressLine("reading files")
    files = [file for corpus in options.corpus for file in text_files(corpus)]
    for place, file in enumerate(files):
        reading(place, len(files))
        yield from read_documents(file, separator=options.separator, normalization=options.normalization)
    reading.close()


def encode(options: argparse.Namespace) -> None:
    """Print the ids of a text, or how many there are."""
    tokenizer = load_tokenizer(options.tokenizer)
    ids = tokenizer.encode(_text(options), allowed_special=options.allow_special)
    print(len(ids) if options.count else " ".join(map(str, ids)))


def decode(options: argparse.Namespace) -> None:
    """Write the bytes of ids, exactly."""
    tokenizer = load_tokenizer(options.tokenizer)
    words = _text(options).split()
    for place, word in enumerate(words):
        if not (word.isascii() and word.isdigit()):
            raise TokenizerError(f"ids: number {place + 1} must be a whole number, was {word[:40]!r}")
    data = tokenizer.decode_bytes(map(int, words))
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def show(options: argparse.Namespace) -> None:
    """Show the tokens of a text in colour."""
    from llm_tokenizer.show import show_as_html, show_in_terminal

    tokenizer = load_tokenizer(options.tokenizer)
    ids = tokenizer.encode(_text(options), allowed_special=options.allow_special)
    if options.html is not None:
        try:
            Path(options.html).write_text(show_as_html(tokenizer, ids), encoding="utf-8")
        except OSError as error:
            raise TokenizerError(f"{options.html}: cannot be written: {error.strerror}") from None
        print(f"{len(ids)} tokens in {options.html}")
        return
    from rich.console import Console

    Console(highlight=False).print(show_in_terminal(tokenizer, ids), soft_wrap=True)
    print(f"{len(ids)} tokens")


def _text(options: argparse.Namespace) -> str:
    """The text that was given: in the command itself, as a file, or through a pipe. Not a byte of it is changed."""
    if getattr(options, "text", None) is not None:
        return str(options.text)
    if options.file == "-":
        return decode_strictly(sys.stdin.buffer.read(), "standard input")
    try:
        return decode_strictly(Path(options.file).read_bytes(), options.file)
    except OSError as error:
        raise TokenizerError(f"{options.file}: cannot be read: {error.strerror}; check the path") from None


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        print(f"llm-tokenizer {version('llm-tokenizer')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-tokenizer",
        description="Text to token ids and back.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    verb = _verb(verbs, "train", train, "learn a tokenizer from text files and save it")
    verb.add_argument("corpus", nargs="+", help="text files, or folders of .txt and .md files")
    verb.add_argument("--output", "-o", required=True, help="the folder to save tokenizer.json in")
    verb.add_argument("--vocab-size", type=int, default=4096, help="how many ids there shall be (default: 4096)")
    verb.add_argument("--pattern", default="gpt2", help=f"where text is cut: {', '.join(PATTERNS)} (default: gpt2)")
    verb.add_argument("--special-token", action="append", default=[], metavar="NAME", help="may be given several times")
    verb.add_argument("--separator", help="a line that stands alone between two documents")
    verb.add_argument("--normalization", choices=get_args(Normalization), help="Unicode normalization (default: none)")
    verb.add_argument("--characters", action="store_true", help="one token per character, nothing merged")

    verb = _verb(verbs, "encode", encode, "print the ids of a text")
    _add_tokenizer_and_file(verb, "text")
    _add_allow_special(verb)
    verb.add_argument("--count", action="store_true", help="print only how many there are")

    verb = _verb(verbs, "decode", decode, "write the text of ids")
    _add_tokenizer_and_file(verb, "ids")

    verb = _verb(verbs, "show", show, "show the tokens of a text in colour")
    _add_tokenizer_and_file(verb, "text")
    _add_allow_special(verb)
    verb.add_argument("--text", help="the text itself, instead of a file")
    verb.add_argument("--html", metavar="FILE", help="write a web page instead")
    return parser


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: object, help: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(
        name, help=help, description=help, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verb.set_defaults(run=run)
    return verb


def _add_tokenizer_and_file(verb: argparse.ArgumentParser, what: str) -> None:
    verb.add_argument("tokenizer", help="a folder that holds tokenizer.json, or that file")
    verb.add_argument("file", nargs="?", default="-", help=f"the file with the {what} (default: standard input)")


def _add_allow_special(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--allow-special", action="append", default=[], metavar="NAME", help="let this special token work in the text"
    )
