"""The command `llm-tokenizer`: train, encode, decode, show, compare, stats, corpus, spec."""

from __future__ import annotations

from collections.abc import Sequence

from llm_tokenizer.commands import compare, corpus, decode, encode, show, stats, train
from llm_tokenizer.commands.parser import Parser, run_command

EXAMPLES = """\
  llm-tokenizer corpus plays/ --duplicates
  llm-tokenizer train plays/ --vocab-size 4096 --special-token '<|endoftext|>' --output shakespeare
  echo 'To be, or not to be' | llm-tokenizer encode shakespeare
  llm-tokenizer encode shakespeare hamlet.txt | llm-tokenizer decode shakespeare
  llm-tokenizer show shakespeare --text 'To be, or not to be'
  llm-tokenizer compare shakespeare gpt2/ --file hamlet.txt
  llm-tokenizer stats shakespeare hamlet.txt
  llm-tokenizer spec my_tokenizer -k split
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; `commands/exit_status.py` lists them."""
    return run_command("llm-tokenizer", _parser, arguments)


def _parser() -> Parser:
    parser = Parser("llm-tokenizer", "Text to token ids and back.", EXAMPLES, package="llm-tokenizer")
    for verb in (train, encode, decode, show, compare, stats, corpus):
        verb.add_verb(parser)
    parser.add_foreign_verb("spec", _spec, "check this package or your module against the specification")
    return parser


def _spec(words: list[str]) -> int:
    from llm_tokenizer.conformance.command import main as check
    from llm_tokenizer.spec import SPECIFICATION

    return check(SPECIFICATION, words)
