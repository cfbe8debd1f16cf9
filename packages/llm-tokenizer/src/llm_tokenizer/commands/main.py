"""The command `llm-tokenizer`: train, encode, decode, show, compare, stats, corpus, spec."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from llm_tokenizer.commands.exit_status import run_to_the_end
from llm_tokenizer.commands.learning import add_train
from llm_tokenizer.commands.looking import add_compare, add_show, add_stats
from llm_tokenizer.commands.surveying import add_corpus_verb
from llm_tokenizer.commands.translating import add_decode, add_encode
from llm_tokenizer.interface import TokenizerError

EXAMPLES = """examples:
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
    """Run the command and give its exit status.

    0 is fine, 1 a specification that is not met, 2 a mistake, which is named, and 130 an end by Ctrl-C.
    """
    return run_to_the_end(lambda: _run(sys.argv[1:] if arguments is None else list(arguments)), lead="llm-tokenizer: ")


def _run(words: list[str]) -> int:
    if words[:1] == ["spec"]:  # its options are the specification's own
        from llm_tokenizer.conformance.command import main as put_on_trial
        from llm_tokenizer.spec import SPECIFICATION

        return put_on_trial(SPECIFICATION, words[1:])
    options = _options(words)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except TokenizerError as error:
        sys.stdout.flush()  # what was found until then stands before the sentence
        print(f"llm-tokenizer: error: {error}", file=sys.stderr)
        return 2
    return 0


def _options(words: list[str]) -> argparse.Namespace:
    """What the words ask for; options may stand before, between and after the names of files.

    Only a verb's own parser can take them so mixed, and not the parser of all verbs, which is asked where there is no
    verb: for `--help`, `--version` and mistakes.
    """
    parser, verbs = _parser()
    if words and words[0] in verbs:
        return verbs[words[0]].parse_intermixed_args(words[1:])
    return parser.parse_args(words)


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        print(f"llm-tokenizer {version('llm-tokenizer')}")
        parser.exit()


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of the whole command, and those of its verbs by their names."""
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
    verbs.add_parser("spec", help="put this package, or your own module, on trial (`spec --help`)", add_help=False)
    return parser, dict(verbs.choices)
