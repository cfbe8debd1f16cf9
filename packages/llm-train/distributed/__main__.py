"""Show that processes, passes and threads are ways to cut one batch: the largest differences. `nox -s distributed`.

All processes run here, on the CPU, and exchange through gloo; a few minutes. The exit status is 1 if something is not
as promised. A small part is in the tests of the package.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from layouts import Difference, differences
from one_layout import DTYPES
from rich.console import Console
from rich.table import Table
from whole_runs import Processes, Runs, killed, resumed


def main() -> int:
    """Do all of it and print the tables."""
    parser = argparse.ArgumentParser(prog="nox -s distributed --", description=__doc__)
    parser.add_argument("--updates", type=int, default=20, help="of each layout (%(default)s)")
    parser.add_argument("--only", choices=["layouts", "runs"], help="a part of it")
    options = parser.parse_args()
    console, wrong = Console(), 0
    with tempfile.TemporaryDirectory(prefix="distributed-") as space:
        if options.only != "runs":
            wrong += show_layouts(console, Path(space), options.updates)
        if options.only != "layouts":
            wrong += show_resumed(console, Path(space)) + show_killed(console, Runs(Path(space, "killed")))
    return int(wrong > 0)


def show_layouts(console: Console, space: Path, updates: int) -> int:
    """Print how far the layouts are apart; return how many are not as promised."""
    title = f"Largest difference of losses and weights after {updates} updates, with masked targets, documents, dropout"
    heads = ["layout", "against", *DTYPES, "NaN in one", "why not 0.0", "as promised"]
    found: list[Difference] = []
    with console.status("beginning") as status:
        for one in differences(space, updates):
            found.append(one)
            status.update(f"{one.pair.words} against {one.pair.against}")
    table = table_of(title, heads)
    for one in found:
        held_back = {None: "", True: "held back", False: "updated"}[one.held_back]
        numbers = [number(one.largest[name]) for name in DTYPES]
        table.add_row(one.pair.words, one.pair.against, *numbers, held_back, one.pair.reason, yes(one.well))
    console.print(table)
    return sum(not one.well for one in found)


def show_resumed(console: Console, space: Path) -> int:
    """Print how runs end that others than their beginners finish; return how many are not as promised."""
    table = table_of(
        "Runs that go on elsewhere from their first checkpoint: largest difference of the end weights",
        ["passes", "checkpoint written by", "resumed by", "difference", "why not 0.0", "as promised"],
    )
    wrong = 0
    with console.status("beginning") as status:
        for one in resumed(space):
            count, words = str(one.passes), (one.writer.words, one.reader.words)
            table.add_row(count, *words, number(one.largest), one.reason, yes(one.well))
            status.update(f"{one.writer.words}, then {one.reader.words}")
            wrong += not one.well
    console.print(table)
    return wrong


def show_killed(console: Console, runs: Runs) -> int:
    """Print what becomes of a run one of whose processes is killed; return how many are not as promised."""
    table = table_of(
        "One process killed by SIGKILL, under torchrun --max-restarts 3", ["processes", "killed at", "at the end"]
    )
    wrong = 0
    for who in (Processes(2), Processes(2, "fsdp")):
        with console.status(f"{who.words}: killing one"):
            step, differing = killed(runs, who)
        wrong += bool(differing)
        end = "differs: " + ", ".join(differing) if differing else "weights, optimizer, metrics, samples byte-equal"
        table.add_row(who.words, f"step {step}", end)
    console.print(table)
    return wrong


def table_of(title: str, heads: list[str]) -> Table:
    """Return an empty table."""
    table = Table(title=title)
    for head in heads:
        table.add_column(head)
    return table


def number(value: float) -> str:
    """Write a difference."""
    return f"{value:.1e}" if value else "0.0"


def yes(well: bool) -> str:
    """Write a verdict."""
    return "yes" if well else "[bold red]NO[/]"


if __name__ == "__main__":
    sys.exit(main())
