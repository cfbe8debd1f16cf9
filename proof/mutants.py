"""The specification is tested too: every fault must be caught, and no correct variant refused.

Faults are the slips, written by hand, and those planted mechanically in the reference (`faults.py`).
The mutation score is the fraction of faults caught.

Source: DeMillo, Lipton and Sayward, "Hints on Test Data Selection" (1978).
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.progress import track

from llm_tokenizer.commands.parser import Parser, run_command
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.harness import DIFFERS, PASS, UNWRITTEN, try_case, try_contract
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.made_cases import all_cases
from llm_tokenizer.conformance.specification import Specification
from llm_tokenizer.files.writing import write_errors_as, write_json
from llm_tokenizer.interface import UserError
from proof.evidence import PACKAGES, chosen, equivalents, variants
from proof.faults import plant
from proof.wrapped_faults import wrapped_faults

SECONDS = 1.0
"""How long a call of a fault may always take. A fault that makes a loop endless is caught by this limit."""
PATIENCE = 20.0
"""How long a call of correct code may take, however it is written."""


@dataclass
class Score:
    """What was caught, by contract, and what was not.

    `stale`: declared equivalents that are caught, or exist no more. `caught_by` counts, for each stored case, the slips
    that fail in it; `open_clauses` are those of which no case does that: nobody would notice if one were dropped.
    """

    slips: dict[str, int] = field(default_factory=dict)
    planted: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    survivors: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
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
    specification: Specification,
    known: Mapping[str, str],
    *,
    keyword: str = "",
    processes: int = 1,
    sample: float = 1.0,
    seed: int = 0,
) -> Score:
    """Measure all slips, all planted faults and all variants.

    Args:
        specification: What is tested.
        known: Planted faults that change no answer, each with the reason; by their label.
        keyword: Only contracts with this in their id.
        processes: How many contracts are measured at a time; more than one needs a specification that can be imported.
        sample: The fraction of the planted faults and of the variants that is tried.
        seed: Which of them.
    """
    names = [contract.id for contract in specification.contracts if keyword in contract.id]
    ask = partial(measure_contract, known=known, sample=sample, seed=seed)
    if processes == 1:
        parts = [ask(specification, identifier) for identifier in names]
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=_one_thread) as pool:
            found = pool.map(partial(_in_process, ask, specification.module), names)
            parts = list(track(found, "planting faults", total=len(names), transient=True))
    score = Score()
    for part in parts:
        score.add(part)
    if sample == 1.0:
        tried = {label for label in known if keyword in label.split(": ")[0].split(" in ")[0]}
        score.stale = sorted(tried - score.equivalents)
    return score


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # the cases are small: a second thread would only wait


def _in_process(ask: Callable[[Specification, str], Score], module: str, contract: str) -> Score:
    return ask(importlib.import_module(f"{module}.spec").SPECIFICATION, contract)


def measure_contract(
    specification: Specification, identifier: str, known: Mapping[str, str], sample: float, seed: int
) -> Score:
    """Measure the slips, planted faults and variants of one contract."""
    score, contract = Score(), specification.contract(identifier)
    seconds = time_for_a_call(specification, contract)

    def is_tried(label: str) -> bool:
        return random.Random(f"{seed}/{label}").random() < sample

    _measure_slips(specification, contract, score, seconds)
    for alternative in variants(specification):
        if alternative.contract == identifier and is_tried(f"{identifier}: {alternative.name}"):
            variant = alternative.implementation(specification.arrays, specification.reference)
            if passes(specification, contract, variant, PATIENCE):
                score.accepted += 1
            else:
                score.refused.append(f"{identifier}: the variant {alternative.name!r}")
    for label, faulty in planted_faults(specification, contract):
        if is_tried(label):
            _count(label, known, score, contract, caught=not passes(specification, contract, faulty, seconds))
    return score


def time_for_a_call(specification: Specification, contract: Contract) -> float:
    """Return how many seconds one call of a fault may take: as long as all calls of the right functions in one case.

    So no machine is so slow that a fault which changes no answer is taken for an endless one.
    """
    longest = SECONDS
    for right in (Implementation(specification.reference, name="reference"), specification.ours):
        for case in all_cases(specification, contract):
            start = time.process_time()
            list(try_case(contract, case, right))
            longest = max(longest, time.process_time() - start)
    return longest


def _measure_slips(specification: Specification, contract: Contract, score: Score, seconds: float) -> None:
    stored = specification.cases[contract.id]
    caught = Counter[str]()
    slips = specification.slips_of(contract.id)
    for alternative in slips:
        slip = alternative.implementation(specification.arrays, specification.reference)
        failing = {o.case.id for o in try_contract(contract, stored, slip, seconds) if o.status == DIFFERS}
        caught.update(failing)
        if not failing and passes(specification, contract, slip, seconds):
            score.survivors.append(f"{contract.id}: the slip {alternative.name!r}")
    score.slips[contract.id] = len(slips)
    score.caught_by[contract.id] = {case.id: caught[case.id] for case in stored}
    for number in range(1, len(contract.clauses) + 1):
        if not any(case.clause == number and caught[case.id] for case in stored):
            score.open_clauses.append(f"{contract.id}: clause {number} has no case in which a slip fails")


def _count(label: str, known: Mapping[str, str], score: Score, contract: Contract, *, caught: bool) -> None:
    if not caught and label in known:
        score.equivalent += 1
        score.equivalents.add(label)
        return
    score.planted[contract.id] = score.planted.get(contract.id, 0) + 1
    if not caught:
        score.survivors.append(label)


def passes(specification: Specification, contract: Contract, implementation: Implementation, seconds: float) -> bool:
    """Return whether an implementation passes every case of one contract, each call within so many seconds."""
    cases = all_cases(specification, contract)
    return all(
        outcome.status == PASS or (outcome.aspect == "gradient" and outcome.status == UNWRITTEN)
        for outcome in try_contract(contract, cases, implementation, seconds)
    )


def planted_faults(specification: Specification, contract: Contract) -> Iterator[tuple[str, Implementation]]:
    """Yield every fault that is planted by rule, with its label: in the reference, around it, and in our own code."""
    for name in (contract.name, contract.backward_name):
        function = getattr(specification.reference, name, None)
        if function is not None:
            yield from _changed_places(function, contract, contract.id, "numpy")
    for words, wrap in wrapped_faults(contract, specification.cases[contract.id]):
        function = wrap(getattr(specification.reference, contract.name))
        yield f"{contract.id}: {words}", Implementation(SimpleNamespace(**{contract.name: function}), name="fault")
    ours = specification.ours.find(contract.name)
    # An adapter of the specification, or a method, has no function of this name that could be exchanged.
    own = inspect.isfunction(ours) and ours.__name__ == contract.name and ".spec." not in ours.__module__
    if own and ours is not getattr(specification.reference, contract.name):
        arrays = getattr(specification.ours.namespace, "SPEC_ARRAYS", "numpy")
        yield from _changed_places(ours, contract, f"{contract.id} in {ours.__module__}", arrays)


def _changed_places(function: Any, contract: Contract, place: str, arrays: str) -> Iterator[tuple[str, Implementation]]:
    original = importlib.import_module(function.__module__)
    for fault in plant(original):
        if fault.function == function.__name__:
            try:
                faulty = Implementation(fault.module(original), arrays=arrays, name="fault")
            except Exception:  # the fault keeps the module from loading: caught before any case is tried
                faulty = Implementation(_Broken(contract), arrays=arrays, name="fault")
            yield f"{place}: {fault.text}: {fault.words}", faulty


class _Broken:
    """A namespace whose functions all fail."""

    def __init__(self, contract: Contract) -> None:
        setattr(self, contract.name, self.fail)
        setattr(self, contract.backward_name, self.fail)

    def fail(self, *inputs: Any) -> Any:
        raise RuntimeError("the fault keeps the module from loading")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `python -m proof.mutants [PACKAGE …]` and return its exit status."""
    program = "python -m proof.mutants"

    def parser() -> Parser:
        parser = Parser(program, "Plant faults in correct code and see whether the specification catches them.")
        parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"one of {', '.join(PACKAGES)} (all)")
        parser.add_argument("--record", type=Path, metavar="FOLDER", help="write each score as FOLDER/⟨package⟩.json")
        parser.add_argument(
            "-k", dest="keyword", default="", metavar="TEXT", help="only contracts with this in their id"
        )
        parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="contracts measured at a time")
        parser.add_argument("--sample", type=float, default=1.0, help="the fraction of faults and variants to try (1)")
        parser.add_argument("--seed", type=int, default=0, help="which of them (0)")
        parser.set_defaults(run=lambda options: max([_run(one, options) for one in chosen(options.packages)]))
        return parser

    return run_command(program, parser, argv)


def _run(specification: Specification, options: argparse.Namespace) -> int:
    score = measure(
        specification, equivalents(specification),
        keyword=options.keyword, processes=max(1, options.processes), sample=options.sample, seed=options.seed,
    )  # fmt: skip
    print(f"{'contract':32}{'slips':>8}{'planted':>9}")
    for contract in specification.contracts:
        if options.keyword in contract.id:
            print(f"{contract.id:32}{score.slips.get(contract.id, 0):8}{score.planted.get(contract.id, 0):9}")
    stale = [f"declared equivalent, but no such fault survives: {label}" for label in score.stale]
    wrong = [*score.survivors, *stale, *score.refused, *score.open_clauses]
    for line in wrong:
        print(f"not as it should be: {line}")
    caught = score.faults - len(score.survivors)
    print(
        f"{specification.package} spec {specification.version}: "
        f"{caught} of {score.faults} faults caught ({score.share:.1%}), {score.equivalent} more change no answer, "
        f"{score.accepted} of {score.accepted + len(score.refused)} correct variants accepted"
    )
    if options.record:
        report = options.record / f"{specification.package}.json"
        with write_errors_as(UserError, report):
            write_json(report, score.as_json(specification))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
