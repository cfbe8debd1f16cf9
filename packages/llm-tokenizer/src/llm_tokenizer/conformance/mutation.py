"""The specification is tested too: every fault must be caught, and no correct variant refused.

Faults are the slips, written by hand, and those planted mechanically in the reference (`faults.py`).
The mutation score is the fraction of faults caught.

Source: DeMillo, Lipton and Sayward, "Hints on Test Data Selection" (1978).
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.progress import track

from llm_tokenizer.commands.parser import Parser, run_command
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.faults import Fault, plant
from llm_tokenizer.conformance.harness import DIFFERS, PASS, UNWRITTEN, try_contract
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.made_cases import all_cases
from llm_tokenizer.conformance.specification import Specification
from llm_tokenizer.conformance.wrapped_faults import wrapped_faults
from llm_tokenizer.files.writing import write_errors_as, write_json
from llm_tokenizer.interface import UserError

SECONDS = 10.0
"""How long a call of a fault may take."""


@dataclass
class Score:
    """What was caught, by contract, and what was not.

    `caught_by` counts, for each stored case, the slips that fail in it; `open_clauses` are those of which no case does
    that: nobody would notice if such a clause were dropped.
    """

    slips: dict[str, int] = field(default_factory=dict)
    planted: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    survivors: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    caught_by: dict[str, dict[str, int]] = field(default_factory=dict)
    open_clauses: list[str] = field(default_factory=list)
    equivalent: int = 0
    equivalents: set[str] = field(default_factory=set)

    def add(self, other: Score) -> None:
        """Add the score of further contracts."""
        self.slips |= other.slips
        self.planted |= other.planted
        self.accepted += other.accepted
        self.survivors += other.survivors
        self.refused += other.refused
        self.caught_by |= other.caught_by
        self.open_clauses += other.open_clauses
        self.equivalent += other.equivalent
        self.equivalents |= other.equivalents

    @property
    def faults(self) -> int:
        """All faults that were tried."""
        return sum(self.slips.values()) + sum(self.planted.values())

    @property
    def share(self) -> float:
        """The mutation score, from 0 to 1."""
        return 1.0 - len(self.survivors) / self.faults if self.faults else 1.0

    def as_json(self, specification: Specification) -> dict[str, Any]:
        """The score as data, for the site."""
        return {
            "specification": specification.package,
            "version": specification.version,
            "faults": self.faults,
            "caught": self.faults - len(self.survivors),
            "score": round(self.share, 4),
            "slips": self.slips,
            "planted": self.planted,
            "equivalent": self.equivalent,
            "variants accepted": self.accepted,
            "variants refused": self.refused,
            "survivors": self.survivors,
            "clauses without a telling case": self.open_clauses,
            "slips caught by each case": self.caught_by,
        }


def measure(
    specification: Specification, equivalents: Mapping[str, str], *, keyword: str = "", processes: int = 1
) -> Score:
    """Measure all slips, all planted faults and all variants.

    Args:
        specification: What is tested.
        equivalents: Planted faults that change no answer, each with the reason; by their label.
        keyword: Only contracts with this in their id.
        processes: How many contracts are measured at a time; more than one needs a specification that can be imported.
    """
    chosen = [contract.id for contract in specification.contracts if keyword in contract.id]
    if processes == 1:
        parts = [measure_contract(specification, identifier, equivalents) for identifier in chosen]
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=_one_thread) as pool:
            ask = partial(_measure_in_process, specification.module, equivalents=equivalents)
            parts = list(track(pool.map(ask, chosen), "planting faults", total=len(chosen), transient=True))
    score = Score()
    for part in parts:
        score.add(part)
    known = {label for label in equivalents if label.split(": ")[0] in chosen}
    stale = sorted(known - score.equivalents)
    score.survivors += [f"declared equivalent, but no such fault survives: {label}" for label in stale]
    return score


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # the cases are small: a second thread would only wait


def _measure_in_process(module: str, contract: str, equivalents: Mapping[str, str]) -> Score:
    return measure_contract(importlib.import_module(f"{module}.spec").SPECIFICATION, contract, equivalents)


def measure_contract(specification: Specification, identifier: str, equivalents: Mapping[str, str]) -> Score:
    """Measure the slips, planted faults and variants of one contract."""
    score, contract = Score(), specification.contract(identifier)
    stored = specification.cases[identifier]
    caught = Counter[str]()
    for alternative in specification.slips_of(identifier):
        score.slips[identifier] = score.slips.get(identifier, 0) + 1
        slip = alternative.implementation(specification.arrays, specification.reference)
        failing = {o.case.id for o in try_contract(contract, stored, slip, SECONDS) if o.status == DIFFERS}
        caught.update(failing)
        if not failing and passes(specification, contract, slip):
            score.survivors.append(f"{identifier}: the slip {alternative.name!r}")
    score.caught_by[identifier] = {case.id: caught[case.id] for case in stored}
    for number in range(1, len(contract.clauses) + 1):
        if not any(case.clause == number and caught[case.id] for case in stored):
            score.open_clauses.append(f"{identifier}: clause {number} has no case in which a slip fails")
    for alternative in specification.variants:
        if alternative.contract != identifier:
            continue
        if passes(specification, contract, alternative.implementation(specification.arrays, specification.reference)):
            score.accepted += 1
        else:
            score.refused.append(f"{identifier}: the variant {alternative.name!r}")
    _measure_planted(specification, contract, equivalents, score)
    _measure_wrapped(specification, contract, equivalents, score)
    return score


def passes(specification: Specification, contract: Contract, implementation: Implementation) -> bool:
    """Return whether an implementation passes every case of one contract."""
    cases = all_cases(specification, contract)
    return all(
        outcome.status == PASS or (outcome.aspect == "gradient" and outcome.status == UNWRITTEN)
        for outcome in try_contract(contract, cases, implementation, SECONDS)
    )


def _measure_planted(
    specification: Specification, contract: Contract, equivalents: Mapping[str, str], score: Score
) -> None:
    for name in (contract.name, contract.backward_name):
        function = getattr(specification.reference, name, None)
        if function is None:
            continue
        original = importlib.import_module(function.__module__)
        for fault in plant(original):
            if fault.function != name:
                continue
            faulty = _faulty(fault, original, contract, specification)
            _count(specification, contract, faulty, _label(contract, fault), equivalents, score)


def _measure_wrapped(
    specification: Specification, contract: Contract, equivalents: Mapping[str, str], score: Score
) -> None:
    cases = specification.cases[contract.id]
    for words, wrap in wrapped_faults(contract, cases):
        function = wrap(getattr(specification.reference, contract.name))
        faulty = Implementation(SimpleNamespace(**{contract.name: function}), arrays="numpy", name="fault")
        _count(specification, contract, faulty, f"{contract.id}: {words}", equivalents, score)


def _count(
    specification: Specification, contract: Contract, faulty: Implementation, label: str,
    equivalents: Mapping[str, str], score: Score,
) -> None:  # fmt: skip
    caught = not passes(specification, contract, faulty)
    if not caught and label in equivalents:
        score.equivalent += 1
        score.equivalents.add(label)
        return
    score.planted[contract.id] = score.planted.get(contract.id, 0) + 1
    if not caught:
        score.survivors.append(label)


def _faulty(fault: Fault, original: Any, contract: Contract, specification: Specification) -> Implementation:
    try:
        return Implementation(fault.module(original), arrays="numpy", name="fault")
    except Exception:  # the fault keeps the module from loading: caught before any case is tried
        return Implementation(_Broken(contract), arrays="numpy", name="fault")


class _Broken:
    """A namespace whose functions all fail."""

    def __init__(self, contract: Contract) -> None:
        setattr(self, contract.name, self.fail)
        setattr(self, contract.backward_name, self.fail)

    def fail(self, *inputs: Any) -> Any:
        raise RuntimeError("the fault keeps the module from loading")


def _label(contract: Contract, fault: Fault) -> str:
    return f"{contract.id}: {fault.text}: {fault.words}"


def main(specification: Specification, equivalents: Mapping[str, str], argv: Sequence[str] | None = None) -> int:
    """Run `python -m llm_layers.spec.mutants [--report FILE.json]` and return its exit status."""
    program = f"python -m {specification.module}.spec.mutants"

    def parser() -> Parser:
        parser = Parser(program, "Plant faults in correct code and see whether the specification catches them.")
        parser.add_argument("--report", type=Path, metavar="FILE.json", help="write the score as JSON")
        parser.add_argument("--least", type=float, default=0.98, help="the least score that passes (default 0.98)")
        parser.add_argument(
            "-k", dest="keyword", default="", metavar="TEXT", help="only contracts with this in their id"
        )
        parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="contracts measured at a time")
        parser.set_defaults(run=lambda options: _run(specification, equivalents, options))
        return parser

    return run_command(program, parser, argv)


def _run(specification: Specification, equivalents: Mapping[str, str], options: argparse.Namespace) -> int:
    score = measure(specification, equivalents, keyword=options.keyword, processes=max(1, options.processes))
    print(f"{'contract':32}{'slips':>8}{'planted':>9}")
    for contract in specification.contracts:
        if options.keyword in contract.id:
            print(f"{contract.id:32}{score.slips.get(contract.id, 0):8}{score.planted.get(contract.id, 0):9}")
    for line in (*score.survivors, *score.refused, *score.open_clauses):
        print(f"not as it should be: {line}")
    caught = score.faults - len(score.survivors)
    print(
        f"{specification.package} spec {specification.version}: "
        f"{caught} of {score.faults} faults caught ({score.share:.1%}), {score.equivalent} more change no answer, "
        f"{score.accepted} of {score.accepted + len(score.refused)} correct variants accepted"
    )
    if options.report:
        with write_errors_as(UserError, options.report):
            write_json(options.report, score.as_json(specification))
    return 0 if score.share >= options.least and not score.refused and not score.open_clauses else 1
