"""`llm-train report`: write the page of a run."""

import argparse

from llm_tokenizer.commands.parser import Parser
from llm_train.commands.starting import starting

EXAMPLES = """\
  llm-train report                                     the newest run with a model
  llm-train report novel                               runs/novel/report.html
"""


def add_report(parser: Parser) -> None:
    """Add the verb."""
    verb = parser.add_verb("report", report, "write the page of a run: curves, samples, settings", EXAMPLES)
    verb.add_argument("name", nargs="?", metavar="RUN", help="a run, by its name or its folder (default: the newest)")
    verb.add_argument("--runs", default="runs", metavar="FOLDER", help="where run folders are (%(default)s)")


def report(options: argparse.Namespace) -> None:
    """Write the page into the run's folder and print its path."""
    with starting():
        from llm_train.reports.run_report import write_report
        from llm_train.runs.finding import find_run

    print(write_report(find_run(options.name, options.runs)))
