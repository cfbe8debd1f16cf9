"""What a learner reads after a check: each failure in words, a table, and one line to show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from llm_tokenizer.conformance.difference import Difference
from llm_tokenizer.conformance.harness import DIFFERS, PARTLY, PASS, UNWRITTEN, Outcome, Result, Verdict

_EXACT = ("float64", "exact")

COLUMNS: dict[str, Callable[[Outcome], bool]] = {
    "forward": lambda o: o.aspect == "forward" and o.dtype in _EXACT and o.case.kind != "edge",
    "gradient": lambda o: o.aspect == "gradient" and o.dtype in _EXACT and o.case.kind != "edge",
    "float32": lambda o: o.dtype == "float32",  # judged where float64 is right: else it is no matter of precision
    "bfloat16": lambda o: o.dtype == "bfloat16",
    "edges": lambda o: o.dtype in _EXACT and o.case.kind == "edge",
}

_LOW = ("float32", "bfloat16")
_STYLES = {PASS: "green", DIFFERS: "bold red", UNWRITTEN: "dim", PARTLY: "yellow", "": "dim"}


def cell(verdict: Verdict, column: str) -> str:
    """Return the word for a table cell; empty where there is nothing of the kind, or float64 differs already."""
    wrong = {(o.case.id, o.aspect) for o in verdict.failures if o.dtype in _EXACT} if column in _LOW else set()
    found = {o.status for o in verdict.outcomes if COLUMNS[column](o) and (o.case.id, o.aspect) not in wrong}
    words = (DIFFERS,) if wrong else (DIFFERS, PASS, UNWRITTEN)
    return next((status for status in words if status in found), "")


def badge(result: Result) -> str:
    """Return `llm-layers spec 1.2: 23 of 23 contracts met`."""
    specification, partly = result.specification, result.count(PARTLY)
    counted = f"{result.count(PASS)} of {len(result.verdicts)} contracts met{f', {partly} in part' if partly else ''}"
    return f"{specification.package} spec {specification.version}: {counted}"


def closing_sentences(result: Result) -> list[str]:
    """Return what was found and what to do next."""
    unwritten = [verdict.contract for verdict in result.verdicts if verdict.status == UNWRITTEN]
    partly = [verdict.contract for verdict in result.verdicts if verdict.status == PARTLY]
    if len(unwritten) == len(result.verdicts):
        return [
            f"{result.name} has no function of any of these names yet, which is not a failure. Write one of them, "
            f"for example {unwritten[0].signature}, and run this again; --list shows what there is to write."
        ]
    in_part = f", {len(partly)} in part" if partly else ""
    said = [f"{result.count(DIFFERS)} failing, {result.count(PASS)} passing{in_part}."]
    if partly:
        several = " and ".join(contract.backward_signature for contract in partly[:2]) + (" …" if partly[2:] else "")
        said.append(f"{len(partly)} without a gradient yet: write {several}.")
    if unwritten:
        names = ", ".join(contract.name for contract in unwritten)
        said.append(f"{len(unwritten)} not written yet" + (f": {names}." if len(unwritten) < 6 else " (see --list)."))
    return said if unwritten or partly or result.failed else ["All contracts pass."]


def remarks(result: Result) -> list[str]:
    """Return what was accepted but is worth knowing; of a contract that differs nothing is accepted."""
    accepted = [verdict for verdict in result.verdicts if not verdict.failures]
    notes = {verdict.contract.id: {o.note for o in verdict.outcomes if o.note} for verdict in accepted}
    return [f"{identifier}: accepted, but {note}." for identifier, found in notes.items() for note in sorted(found)]


def print_report(result: Result, console: Console) -> None:
    """Print the failures in words, then the table, then the line to show."""
    specification = result.specification
    for verdict in result.verdicts:
        if verdict.failures:
            _print_failure(verdict, console)
    console.print(f"{specification.package} spec {specification.version} on {result.name}", style="bold")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("contract", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, no_wrap=True)
    written = [verdict for verdict in result.verdicts if verdict.status != UNWRITTEN]
    for verdict in written:
        cells = [cell(verdict, column) for column in COLUMNS]
        row = [Text((word or "·").replace(UNWRITTEN, "not yet"), _STYLES[word]) for word in cells]  # keeps it narrow
        table.add_row(verdict.contract.id, *row)
    if written:
        console.print(table)
    if any({failure.case.kind for failure in verdict.failures} == {"fresh"} for verdict in written):
        console.print(f"only fresh cases fail: --seed {result.seed} repeats them", style="yellow")
    console.print()
    for remark in (*remarks(result), *result.hints):
        console.print(remark, style="yellow")
    for sentence in closing_sentences(result):
        console.print(sentence)
    console.print(badge(result), style="bold red" if result.failed else "bold")


def _print_failure(verdict: Verdict, console: Console) -> None:
    console.print(f"{verdict.contract.id}  {verdict.contract.signature}", style="bold red")
    for line in explained(verdict):
        console.print(f"  {line}")
    console.print()


def explained(verdict: Verdict) -> list[str]:
    """Return what is wrong with a function, line by line: the case and its clause, the values, known mistakes."""
    contract = verdict.contract
    failure = most_telling(verdict)
    case = failure.case
    clause = f"clause {case.clause}: {contract.clauses[case.clause - 1]}"
    kind = f"{case.kind}, {failure.aspect}, {failure.dtype}"
    lines = [clause, f"case {case.id} ({kind}) would catch: {case.catches}"]
    if verdict.recognized is None and verdict.in_gradient is None:
        lines = [f"case {case.id} ({kind}) differs, which is there for {clause}"]
    difference = failure.difference
    if difference is not None and difference.raised:
        lines = [f"case {case.id} could not be tried:"]
    elif difference is not None and (difference.general or (failure.aspect == "gradient" and not difference.total)):
        lines = [f"case {case.id} breaks a rule that holds for every function:"]
    lines.append(describe(failure, contract.axes_of))
    for whose, slip in (("values", verdict.recognized), ("gradients", verdict.in_gradient)):
        if slip is not None:
            lines.append(f"your {whose} are those of a known mistake: {slip.name} ({slip.hint.rstrip('.')})")
    if verdict.ignored and not (difference is not None and (difference.raised or difference.general)):
        lines.append(f"your answer does not depend on {', '.join(verdict.ignored)}")
    tried = {outcome.case.id for outcome in verdict.outcomes if outcome.case.kind != "fresh"}
    failed = {outcome.case.id for outcome in verdict.failures} & tried  # fresh ones come and go from run to run
    where = f" Read docs/{contract.page}.md in the project's documentation." if contract.page else ""
    raised = all(one.difference is not None and one.difference.raised for one in verdict.failures)
    lines.append(f"{len(failed)} of {len(tried)} cases {'could not be tried' if raised else 'differ'}.{where}")
    return lines


def most_telling(verdict: Verdict) -> Outcome:
    """Return the failure to show: of a stored case, if possible that which is there for the recognized mistake.

    Where nothing is recognized: of a clause of which most cases fail, about the gradient if nothing else fails.
    """
    slip = verdict.recognized or verdict.in_gradient
    sought = _words(f"{slip.name} {slip.hint}") if slip else set()
    if slip is None and all(failure.aspect == "gradient" for failure in verdict.failures):
        sought = {"gradient"}
    tried = Counter(outcome.case.clause for outcome in verdict.outcomes)
    failed = Counter(failure.case.clause for failure in verdict.failures)

    def likeness(failure: Outcome) -> tuple[bool, int, float]:
        case = failure.case
        stored = case.kind in ("by hand", "ordinary", "edge")
        about = f"{case.catches if slip else ''} {verdict.contract.clauses[case.clause - 1]}"
        return stored, len(sought & _words(about)), 0 if slip else failed[case.clause] / tried[case.clause]

    return max(verdict.failures, key=likeness)  # the first among equals


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 2} - {"the", "and", "are", "not", "for"}


def describe(failure: Outcome, axes_of: Callable[[str], str | None]) -> str:
    """Describe where an answer differs from the golden one, in a sentence with the names of the axes."""
    difference = failure.difference
    assert difference is not None, "a failure carries its difference"
    of_one = failure.aspect == "gradient" and difference.name != "gradient"
    name = f"the gradient of {difference.name}" if of_one else difference.name
    if difference.total == 0:
        return f"{name}: {difference.reason.rstrip('.')}."
    reason = f"{difference.reason}; " if difference.reason else ""
    count = f"{difference.wrong} of {difference.total} " + ("value differs" if difference.total == 1 else "differ")
    place = _place(difference, axes_of(difference.name))
    return f"{name}: {reason}{count}{place}: yours {_show(difference.yours)}, golden {_show(difference.golden)}"


def _place(difference: Difference, axes: str | None) -> str:
    if not difference.index:
        return ""
    if axes is None:
        return f", first at item {difference.index[0]}"
    if axes == "...":
        return f", the worst at index {', '.join(map(str, difference.index))}"
    words = [word for word in axes.split() if not word.startswith("*")]
    lead = max(0, len(difference.index) - len(words))
    pairs = [f"{word} {index}" for word, index in zip(words, difference.index[lead:], strict=False)]
    if lead:
        starred = next((word.strip("*#") for word in axes.split() if word.startswith("*")), "batch")
        pairs.insert(0, f"{starred} {', '.join(map(str, difference.index[:lead]))}")
    return f", the worst at {' · '.join(pairs)}"


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.9g}"
    text = repr(value)
    return text if len(text) <= 70 else text[:67] + "…"


def as_json(result: Result) -> dict[str, Any]:
    """Return the whole check as data, for the site and for other tools."""
    return {
        "specification": result.specification.package,
        "version": result.specification.version,
        "implementation": result.name,
        "seed of the fresh cases": result.seed,
        "badge": badge(result),
        "remarks": [*remarks(result), *result.hints],
        "contracts": [
            {
                "contract": verdict.contract.id,
                "status": verdict.status,
                "columns": {column: cell(verdict, column) for column in COLUMNS},
                "recognized": " and ".join(s.name for s in (verdict.recognized, verdict.in_gradient) if s) or None,
                "ignored": list(verdict.ignored),
                "failures": [
                    {
                        "case": failure.case.id,
                        "clause": failure.case.clause,
                        "aspect": failure.aspect,
                        "dtype": failure.dtype,
                        "words": describe(failure, verdict.contract.axes_of),
                    }
                    for failure in verdict.failures
                ],
            }
            for verdict in result.verdicts
        ],
    }
