"""The verb `encode`."""

from __future__ import annotations

import argparse

from llm_tokenizer.commands.options import add_encoding, add_format, allowed_special, load_named, text_blocks, written
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.progress import counted
from llm_tokenizer.corpus.encode_stream import encode_blocks
from llm_tokenizer.corpus.id_files import write_ids
from llm_tokenizer.interface import TokenizerError

EXAMPLES = """\
  echo 'To be, or not to be' | llm-tokenizer encode shakespeare
  llm-tokenizer encode shakespeare hamlet.txt --count
  llm-tokenizer encode shakespeare plays.txt.gz --format uint16 --output plays.bin
  llm-tokenizer encode shakespeare plays.txt --allow-special '<|endoftext|>' --format npy -o plays.npy
"""


def add_verb(parser: Parser) -> None:
    """Describe the verb and its options."""
    verb = parser.add_verb("encode", encode, "write the ids of a text of any size", EXAMPLES)
    add_encoding(verb)
    add_format(verb)
    verb.add_argument("--count", action="store_true", help="print only the number of ids")


def encode(options: argparse.Namespace) -> None:
    """Write the ids of a text, or print how many there are."""
    if options.count and options.output != "-":
        raise TokenizerError("--count: prints the number of ids and writes no file; leave --output out")
    tokenizer = load_named(options)
    texts = counted("encoding characters", text_blocks(options))
    blocks = encode_blocks(tokenizer, texts, allowed_special=allowed_special(options))
    if options.count:
        print(sum(map(len, blocks)))
        return
    with written(options.output) as stream:
        write_ids(blocks, stream, options.format, vocab_size=tokenizer.vocab_size)
