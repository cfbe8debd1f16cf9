"""The verb `decode`."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from llm_tokenizer.commands.options import add_file, add_format, add_tokenizer, file_of, load_named, opened, written
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.progress import counted
from llm_tokenizer.corpus.id_files import read_ids
from llm_tokenizer.interface import Tokenizer, TokenizerError

EXAMPLES = """\
  echo 84 111 | llm-tokenizer decode shakespeare
  llm-tokenizer encode shakespeare hamlet.txt | llm-tokenizer decode shakespeare
  llm-tokenizer decode shakespeare plays.bin --format uint16 --output plays.txt
"""


def add_verb(parser: Parser) -> None:
    """Describe the verb and its options."""
    verb = parser.add_verb("decode", decode, "write the text of ids, byte for byte", EXAMPLES)
    add_tokenizer(verb)
    add_file(verb, "ids")
    add_format(verb)


def decode(options: argparse.Namespace) -> None:
    """Write the bytes of ids, exactly."""
    tokenizer = load_named(options)
    file = file_of(options)
    if file.lstrip("-").isdecimal() and not Path(file).exists():
        last = tokenizer.vocab_size - 1
        raise TokenizerError(
            f"{file}: there is no such file; ids themselves, whole numbers from 0 to {last}, come through a "
            f"pipe: echo {last} | llm-tokenizer decode {shlex.quote(options.tokenizer)}"
        )
    with opened(file) as source, written(options.output) as stream:
        try:
            for some in counted("decoding ids", _decoded(tokenizer, source, options.format)):
                stream.write(some)
        except TokenizerError as error:
            place = "standard input" if file == "-" else file
            remedy = f"are they of this tokenizer, and in --format {options.format}?"
            raise TokenizerError(f"{place}: {error}; {remedy}") from None


def _decoded(tokenizer: Tokenizer, source: BinaryIO, format: str) -> Iterator[bytes]:
    """Yield the bytes of the ids, as they come; a wrong one is named by its place among all."""
    before = 0
    for ids in read_ids(source, format, vocab_size=tokenizer.vocab_size):
        try:
            yield tokenizer.decode_bytes(ids)
        except TokenizerError as error:
            raise TokenizerError(_place_moved(str(error), before)) from None
        before += len(ids)


def _place_moved(message: str, by: int) -> str:
    return re.sub(r"^ids\[(\d+)\]", lambda found: f"ids[{by + int(found[1])}]", message)
