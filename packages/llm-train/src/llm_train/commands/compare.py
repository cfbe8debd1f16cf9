"""`llm-train compare`: several runs in one table and on one page."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from llm_tokenizer.commands.parser import Parser
from llm_train.commands.starting import starting

if TYPE_CHECKING:
    from llm_train.reports.comparison import Comparison
    from llm_train.runs.progress import Reporter

EXAMPLES = """\
  llm-train compare shakespeare longer                 two runs of the folder runs/
  llm-train compare a b ../other/runs/c --output abc.html
"""


def add_compare(parser: Parser) -> None:
    """Add the verb."""
    verb = parser.add_verb("compare", compare, "compare runs: a table here, curves on a page", EXAMPLES)
    verb.add_argument("names", nargs="*", metavar="RUN", help="two to eight runs, each by its name or its folder")
    verb.add_argument("--runs", default="runs", metavar="FOLDER", help="where run folders are (%(default)s)")
    verb.add_argument("--output", metavar="FILE", help="the page (default: comparison.html in the folder of the runs)")


def compare(options: argparse.Namespace) -> None:
    """Print the table and write the page."""
    with starting():
        from llm_train.reports.comparison import compare as compare_runs
        from llm_train.reports.comparison_page import FILE, write_comparison
        from llm_train.runs.finding import find_run
        from llm_train.runs.progress import Reporter

    comparison = compare_runs([find_run(name, options.runs) for name in options.names])
    path = Path(options.runs) / FILE if options.output is None else Path(options.output)
    write_comparison(comparison, path)
    reporter = Reporter()
    _show(reporter, comparison)
    reporter.say(f"\nthe curves over steps, tokens, seconds and FLOPs: {path}")
    reporter.require_output()


def _show(reporter: "Reporter", comparison: "Comparison") -> None:
    """Print what is compared, what to keep in mind, and only then the results."""
    names, table = [run.name for run in comparison.runs], comparison.table()
    differing = comparison.differing_settings()
    reporter.say("settings that differ:" if differing else "all settings are the same", style="bold")
    if differing:
        reporter.columns(["", *names], [[name, *values] for name, values in differing])
    for note in comparison.notes():
        reporter.say(f"\nnote: {note}", style="yellow")
    reporter.say("\nresults:", style="bold")
    best = [None if place is None else place + 1 for _, _, place in table]
    reporter.columns(["", *names], [[name, *values] for name, values, _ in table], best)
