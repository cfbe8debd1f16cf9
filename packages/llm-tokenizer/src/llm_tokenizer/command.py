"""The command `llm-tokenizer`: train, encode, decode, show, compare, stats, corpus."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from llm_tokenizer.commands.learning import add_train
from llm_tokenizer.commands.looking import add_compare, add_show, add_stats
from llm_tokenizer.commands.surveying import add_corpus_verb
from llm_tokenizer.commands.translating import add_decode, add_encode
from llm_tokenizer.errors import TokenizerError

EXAMPLES = """examples:
  llm-tokenizer corpus plays/ --duplicates
  llm-tokenizer train plays/ --vocab-size 4096 --special-token '<|endoftext|>' --output shakespeare
  echo 'To be, or not to be' | llm-tokenizer encode shakespeare
  llm-tokenizer encode shakespeare hamlet.txt | llm-tokenizer decode shakespeare
  llm-tokenizer show shakespeare --text 'To be, or not to be'
  llm-tokenizer compare shakespeare gpt2/ --file hamlet.txt
  llm-tokenizer stats shakespeare hamlet.txt
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
    for add in (add_train, add_encode, add_decode, add_show, add_compare, add_stats, add_corpus_verb):
        add(verbs)
    return parser
