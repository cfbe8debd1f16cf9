"""`llm-train profile`: where the time of an update goes."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from llm_tokenizer.commands.parser import Parser
from llm_train.commands.run import add_recipe_options, recipe_and_folder
from llm_train.commands.starting import starting
from llm_train.interface import TrainError

if TYPE_CHECKING:
    from llm_train.runs.progress import Reporter
    from llm_train.stages.profiling import Profile

EXAMPLES = """\
  llm-train profile                                    the default recipe
  llm-train profile --recipe tiny --set precision=bfloat16
"""
FILE = "profile.json"
OPERATIONS = 8
"""Operations that are named in the table."""


def add_profile(parser: Parser) -> None:
    """Add the verb."""
    verb = parser.add_verb("profile", profile, "show where the time of an update goes, with a trace", EXAMPLES)
    add_recipe_options(verb)
    verb.add_argument("--updates", type=int, default=3, metavar="N", help="updates that are profiled (%(default)s)")
    verb.add_argument(
        "--output",
        metavar="FILE",
        help="the trace, for chrome://tracing or ui.perfetto.dev (default: profile.json in the folder of the runs)",
    )


def profile(options: argparse.Namespace) -> None:
    """Profile the updates and print the table."""
    if options.updates < 1:
        raise TrainError(f"--updates must be at least 1, was {options.updates}")
    recipe, folder = recipe_and_folder(options)
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # the profiler would write notes of its own between our lines
    with starting():
        from llm_train.runs.progress import Reporter
        from llm_train.stages.profiling import profile_updates

    reporter = Reporter()
    reporter.say(f"recipe {recipe.name}, {options.updates} updates that are not kept", style="bold")
    trace = Path(options.runs) / FILE if options.output is None else Path(options.output)
    seen = profile_updates(recipe, folder, trace, reporter, updates=options.updates)
    _show(reporter, seen)
    reporter.require_output()


def _show(reporter: "Reporter", seen: "Profile") -> None:
    total = sum(seen.seconds.values())

    def rows(seconds: dict[str, float]) -> list[list[str]]:
        return [[name, f"{1e3 * one / seen.updates:.1f} ms", f"{one / total:.0%}"] for name, one in seconds.items()]

    reporter.say("")
    reporter.columns(["kind of work", "per update", "share"], rows(dict(seen.seconds)))
    reporter.say("")
    largest = dict(list(seen.operations.items())[:OPERATIONS])
    reporter.columns(["largest operations", "per update", "share"], rows(largest))
    reporter.say(f"\nthe trace, for chrome://tracing or ui.perfetto.dev: {seen.trace}")
