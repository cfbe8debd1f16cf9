"""The console command `llm-layers`: look at models, turn them into other forms, run the specification."""

import argparse
import sys
from collections.abc import Sequence

from llm_layers import __version__
from llm_layers.commands import attention, compare, convert, describe, lens, predict, quantize, statistics
from llm_layers.commands.stages import Stages
from llm_layers.interface import LayersError
from llm_tokenizer.commands.exit_status import run_to_the_end

VERBS = {
    "describe": describe,
    "predict": predict,
    "convert": convert,
    "quantize": quantize,
    "attention": attention,
    "lens": lens,
    "statistics": statistics,
    "compare": compare,
}
EXAMPLES = """examples:
  llm-layers describe runs/tale/model       every part of a model with its shape and its size
  llm-layers predict runs/tale/model        what it costs to train and to run
  llm-layers convert runs/tale/model a.gguf a file for llama.cpp
  llm-layers attention runs/tale/model --text "The cat sat" --out maps.html
  llm-layers compare runs/tale/model a.gguf the first tensor in which two models part, and why
  llm-layers spec                           put this package on trial before its specification
  llm-layers spec my_layers -k rms_norm     put your own module on trial, one contract only
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status: 0 fine, 1 specification not met or models differ, 2 a bad call."""
    return run_to_the_end(lambda: _run(sys.argv[1:] if arguments is None else list(arguments)), lead="llm-layers: ")


def _run(words: list[str]) -> int:
    if words[:1] == ["spec"]:  # its options are the specification's own
        from llm_layers.spec import SPECIFICATION
        from llm_tokenizer.conformance.command import main as put_on_trial

        return put_on_trial(SPECIFICATION, words[1:])
    parsed = _parser().parse_args(words)
    try:
        with Stages() as stages:
            outcome = VERBS[parsed.verb].run(parsed, stages)
    except LayersError as error:
        print(f"llm-layers: error: {error}", file=sys.stderr)
        return 2
    text, status = outcome if isinstance(outcome, tuple) else (outcome, 0)
    print(text)
    return int(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-layers",
        description="Look at models, turn them into other forms, or put layers on trial before the specification.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"llm-layers {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        added = verbs.add_parser(
            name,
            help=verb.SUMMARY,
            description=verb.SUMMARY,
            epilog=verb.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_arguments(added)
    verbs.add_parser("spec", help="run the specification; `llm-layers spec --help` says how", add_help=False)
    return parser
