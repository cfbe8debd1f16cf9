"""The command `llm-generate`: text, spec. `python -m llm_generate` is the same."""

from collections.abc import Sequence

from llm_generate.commands.text import EXAMPLES, add_text
from llm_tokenizer.commands.parser import Parser, run_command

SPEC_EXAMPLE = "  llm-generate spec my_sampling                           check your own functions\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command("llm-generate", _parser, arguments)


def _parser() -> Parser:
    parser = Parser("llm-generate", "Write text with a trained model.", EXAMPLES + SPEC_EXAMPLE, package="llm-generate")
    add_text(parser)
    parser.add_foreign_verb("spec", _spec, "check this package or your module against the specification")
    return parser


def _spec(words: list[str]) -> int:
    from llm_generate.spec import SPECIFICATION
    from llm_tokenizer.conformance.command import main as check

    return check(SPECIFICATION, words)
