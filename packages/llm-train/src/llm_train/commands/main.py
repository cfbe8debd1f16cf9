"""The command `llm-train`: run, recipes, results, import, verify, spec. `python -m llm_train` is the same."""

from collections.abc import Sequence

from llm_tokenizer.commands.parser import Parser, run_command
from llm_train.commands.compare import add_compare
from llm_train.commands.import_tokens import add_import
from llm_train.commands.profile import add_profile
from llm_train.commands.recipes import add_recipes
from llm_train.commands.report import add_report
from llm_train.commands.results import add_results
from llm_train.commands.run import add_run
from llm_train.commands.verify import add_verify

EXAMPLES = """\
  llm-train run                                        Shakespeare, about four minutes on two CPU cores
  llm-train run --recipe tiny                          every stage once, in seconds
  llm-train run --corpus novel.txt --run novel         your own text, a file or a folder
  llm-train recipes tiny                               all settings of a recipe
  llm-train results novel                              the results of a finished run
  llm-train spec my_training                           check your own functions

exit status: 0 finished, 1 the specification is not met, 2 user error, 130 stopped and saved
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command("llm-train", _parser, arguments)


def _parser() -> Parser:
    parser = Parser("llm-train", "Train a language model from scratch.", EXAMPLES, package="llm-train")
    for add in (add_run, add_recipes, add_results, add_report, add_compare, add_profile, add_import, add_verify):
        add(parser)
    parser.add_foreign_verb("spec", _spec, "check this package or your module against the specification")
    return parser


def _spec(words: list[str]) -> int:
    from llm_tokenizer.conformance.command import main as check
    from llm_train.spec import SPECIFICATION

    return check(SPECIFICATION, words)
