"""The command `llm-layers`: look at models, convert them, check layers against the specification."""

from collections.abc import Sequence

from llm_layers.commands.verbs import add_verbs
from llm_tokenizer.commands.parser import Parser, run_command

EXAMPLES = """\
  llm-layers describe runs/shakespeare       every part of a model with its shape and its size
  llm-layers predict runs/shakespeare        what it costs to train and to run
  llm-layers convert runs/shakespeare a.gguf a file for llama.cpp
  llm-layers attention runs/shakespeare --text "The cat sat" --out maps.html
  llm-layers compare runs/shakespeare a.gguf the first tensor that differs between two models, and why
  llm-layers spec                            check this package against its specification
  llm-layers spec my_layers -k rms_norm      check your own module, one contract only
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; `llm_tokenizer.commands.exit_status` lists them."""
    return run_command("llm-layers", _parser, arguments)


def _parser() -> Parser:
    what = "Look at models, convert them, or check layers against the specification."
    parser = Parser("llm-layers", what, EXAMPLES, package="llm-layers")
    add_verbs(parser)
    parser.add_foreign_verb("spec", _spec, "check this package or your module against the specification")
    return parser


def _spec(words: list[str]) -> int:
    from llm_layers.spec import SPECIFICATION
    from llm_tokenizer.conformance.command import main as check

    return check(SPECIFICATION, words)
