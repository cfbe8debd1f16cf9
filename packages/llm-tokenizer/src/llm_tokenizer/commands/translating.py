"""The verbs `encode` and `decode`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from llm_tokenizer.commands.options import (
    add_allow_special,
    add_errors,
    add_tokenizer,
    allowed_special,
    opened,
    written,
)
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.corpus.encode_stream import encode_blocks
from llm_tokenizer.corpus.id_files import FORMATS, read_ids, write_ids
from llm_tokenizer.corpus.unicode_decoding import decoded_blocks
from llm_tokenizer.files.detecting import load_tokenizer
from llm_tokenizer.interface import Tokenizer, TokenizerError

ENCODE = """\
  echo 'To be, or not to be' | llm-tokenizer encode shakespeare
  llm-tokenizer encode shakespeare hamlet.txt --count
  llm-tokenizer encode shakespeare plays.txt.gz --format uint16 --output plays.bin
  llm-tokenizer encode shakespeare plays.txt --allow-special '<|endoftext|>' --format npy -o plays.npy
"""
DECODE = """\
  echo 84 111 | llm-tokenizer decode shakespeare
  llm-tokenizer encode shakespeare hamlet.txt | llm-tokenizer decode shakespeare
  llm-tokenizer decode shakespeare plays.bin --format uint16 --output plays.txt
"""


def add_encode(parser: Parser) -> None:
    """Describe `encode`."""
    verb = parser.add_verb("encode", encode, "write the ids of a text, whatever its size", ENCODE)
    add_tokenizer(verb)
    verb.add_argument("file", nargs="?", default="-", help="the file with the text (default: standard input)")
    add_allow_special(verb)
    add_errors(verb)
    _add_format(verb)
    verb.add_argument("--count", action="store_true", help="print only how many there are")


def add_decode(parser: Parser) -> None:
    """Describe `decode`."""
    verb = parser.add_verb("decode", decode, "write the text of ids, byte for byte", DECODE)
    add_tokenizer(verb)
    verb.add_argument("file", nargs="?", default="-", help="the file with the ids (default: standard input)")
    _add_format(verb)


def _add_format(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="the ids as text, as a NumPy file, or as raw little-endian numbers (default: text)",
    )
    verb.add_argument(
        "--output", "-o", default="-", metavar="FILE", help="the file to write (default: standard output)"
    )


def encode(options: argparse.Namespace) -> None:
    """Write the ids of a text, or how many there are."""
    tokenizer = load_tokenizer(options.tokenizer)
    blocks = encode_blocks(tokenizer, _told(options), allowed_special=allowed_special(options))
    if options.count and options.output != "-":
        raise TokenizerError("--count: prints how many ids there are and writes no file; leave --output out")
    if options.count:
        print(sum(map(len, blocks)))
        return
    with written(options.output) as stream:
        write_ids(blocks, stream, options.format, vocab_size=tokenizer.vocab_size)


def decode(options: argparse.Namespace) -> None:
    """Write the bytes of ids, exactly."""
    tokenizer = load_tokenizer(options.tokenizer)
    if options.file.lstrip("-").isdecimal() and not Path(options.file).exists():
        last = tokenizer.vocab_size - 1
        raise TokenizerError(
            f"{options.file}: there is no such file; ids themselves, whole numbers from 0 to {last}, come through a "
            f"pipe: echo {last} | llm-tokenizer decode {options.tokenizer}"
        )
    count = 0
    with opened(options.file) as source, written(options.output) as stream, Progress() as progress:
        for ids in read_ids(source, options.format, vocab_size=tokenizer.vocab_size):
            stream.write(_decoded(tokenizer, ids, count))
            count += len(ids)
            progress("decoding ids", count)


def _told(options: argparse.Namespace) -> Iterator[str]:
    """The text in parts, with a line of progress."""
    count = 0
    with Progress() as progress:
        for block in decoded_blocks(options.file, errors=options.errors, keep_mark=True):
            yield block
            count += len(block)
            progress("encoding characters", count)


def _decoded(tokenizer: Tokenizer, ids: list[int], before: int) -> bytes:
    """The bytes of some ids; a wrong one is named by its place among all."""
    try:
        return tokenizer.decode_bytes(ids)
    except TokenizerError:
        for place, id in enumerate(ids):
            try:
                tokenizer.decode_bytes([id])
            except TokenizerError as error:
                raise TokenizerError(str(error).replace("ids[0]", f"ids[{before + place}]")) from None
        raise
