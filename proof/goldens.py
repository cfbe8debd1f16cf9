"""Independent computations (witnesses) of every golden: recompute all and demand that they agree.

An output has two: the reference in NumPy, and another library (torch, a published tokenizer). A gradient has three: the
reference's backward, derived by hand; the library's; and the complex step through the reference's forward,
    f'(x) = Im f(x + ih) / h   with h = 1e-30,
which subtracts nothing and so loses nothing: agreement to 1e-13 can be demanded, where plain finite differences stop
near 1e-11.

Source: Squire and Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions" (1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from llm_tokenizer.commands.parser import Parser, run_command
from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.conformance.answers import answers
from llm_tokenizer.conformance.case import Case, write_cases
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.difference import deviation, scale_of
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.specification import Specification
from proof.evidence import PACKAGES, chosen, witnesses
from proof.tolerance import measure_tolerance

AGREEMENT = 1e-13
STEP = 1e-30


def recompute(specification: Specification, *, write: bool = False) -> list[str]:
    """Recompute all goldens and return the complaints. `write` stores those of every contract without a complaint."""
    complaints = []
    for contract in specification.contracts:
        cases, wrong = [], []
        for case in specification.cases[contract.id]:
            found, problems = testify(specification, contract, case)
            wrong += problems
            if write:
                found, problems = measure_tolerance(specification, contract, found)
                wrong += problems
            else:
                wrong += _compare_with_stored(case, found)
            cases.append(found)
        if write and not wrong:
            write_cases(specification.case_files[contract.id], contract.id, cases)
        complaints += wrong
    return complaints


def testify(specification: Specification, contract: Contract, case: Case) -> tuple[Case, list[str]]:
    """Ask every witness about one case; return it with the reference's goldens, and who disagreed."""
    reference = Implementation(specification.reference, arrays="numpy", name="reference")
    if case.raises:
        silent = f"{contract.id}/{case.id}: the reference does not raise {case.raises}"
        return case, [] if _raises(contract, case, reference) else [silent]
    outputs = answers(contract, case, reference, "forward", case.dtype) or {}
    gradients: dict[str, Any] = {}
    if case.upstream:
        gradients = answers(contract, case, reference, "gradient", case.dtype) or {}
    found = replace(case, outputs=outputs, gradients=gradients)
    testimony: dict[str, float] = {}
    if gradients:
        testimony["complex step"] = _worst(gradients, complex_step(contract, case, reference))
    for witness in witnesses(specification):
        implementation = Implementation(witness.load(), arrays=witness.arrays, name=witness.name)
        if implementation.find(contract.name) is None:
            continue
        worst = _worst(outputs, answers(contract, case, implementation, "forward", case.dtype))
        if gradients:
            theirs = answers(contract, case, implementation, "gradient", case.dtype)
            worst = worst if theirs is None else max(worst, _worst(gradients, theirs))
        testimony[witness.name] = worst
    complaints = [
        f"{contract.id}/{case.id}: {name} differs from the reference by {worst:.2g}"
        for name, worst in testimony.items()
        if not worst <= AGREEMENT
    ]
    if not testimony:
        complaints.append(f"{contract.id}/{case.id}: no witness computes {contract.name}")
    record = {name: _in_words(worst) for name, worst in testimony.items()}
    if case.worked:
        record["by hand"] = "worked in this file"
    return replace(found, witnesses=dict(sorted(record.items()))), complaints


def complex_step(contract: Contract, case: Case, reference: Implementation) -> dict[str, Any]:
    """Compute the gradient of sum(upstream * output), one input value at a time, from the forward alone."""
    function = reference.find(contract.name)
    assert function is not None, "the reference has every contract"
    order = [argument.name for argument in contract.inputs]
    found: dict[str, Any] = {}
    for name in contract.gradients:
        value = np.asarray(case.inputs[name])
        gradient = np.zeros(value.shape)
        for index in np.ndindex(*value.shape):
            moved = value.astype(np.complex128)
            moved[index] += 1j * STEP
            inputs = [moved if key == name else case.inputs[key] for key in order]
            values = function(*inputs)
            values = values if isinstance(values, tuple) else (values,)
            total = sum(
                np.sum(case.upstream[argument.name] * np.imag(output))
                for argument, output in zip(contract.outputs, values, strict=True)
                if argument.name in case.upstream
            )
            gradient[index] = float(total) / STEP
        found[name] = gradient
    return found


def _compare_with_stored(stored: Case, found: Case) -> list[str]:
    complaints = []
    for part in ("outputs", "gradients"):
        old, new = getattr(stored, part), getattr(found, part)
        if set(old) != set(new):
            complaints.append(f"{stored.contract}/{stored.id}: {part} are {sorted(old)} and must be {sorted(new)}")
        elif old and not _worst(new, old) <= AGREEMENT:
            complaints.append(f"{stored.contract}/{stored.id}: the stored {part} differ by {_worst(new, old):.2g}")
    if set(stored.witnesses) != set(found.witnesses):
        old, new = sorted(stored.witnesses), sorted(found.witnesses)
        complaints.append(f"{stored.contract}/{stored.id}: the stored witnesses are {old} and must be {new}")
    if stored.has_floats and not stored.raises and not stored.tolerance:
        complaints.append(f"{stored.contract}/{stored.id}: no tolerance is stored")
    return complaints


def _worst(goldens: dict[str, Any], theirs: dict[str, Any] | None) -> float:
    group = scale_of(goldens)
    return max((deviation(golden, (theirs or {}).get(name), group) for name, golden in goldens.items()), default=0.0)


def _raises(contract: Contract, case: Case, reference: Implementation) -> bool:
    try:
        answers(contract, case, reference, "forward", "float64")
    except Exception as error:
        return case.raises in {kind.__name__ for kind in type(error).__mro__}
    return False


def _in_words(worst: float) -> str:
    """A bound, not a measurement: the last bit differs between processors, the record must not."""
    if worst == 0.0:
        return "equal"
    return "within 1e-15" if worst <= 1e-15 else "within 1e-14" if worst <= 1e-14 else "within 1e-13"


def main(argv: Sequence[str] | None = None) -> int:
    """Run `python -m proof.goldens [PACKAGE …] [--write]` and return its exit status."""
    program = "python -m proof.goldens"

    def parser() -> Parser:
        parser = Parser(program, "Recompute every golden (expected answer) and fail on any difference.")
        parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"one of {', '.join(PACKAGES)} (all)")
        parser.add_argument("--write", action="store_true", help="store goldens and the tolerances that follow")
        parser.set_defaults(run=lambda options: max([_run(one, options.write) for one in chosen(options.packages)]))
        return parser

    return run_command(program, parser, argv)


def _run(specification: Specification, write: bool) -> int:
    complaints = recompute(specification, write=write)
    for complaint in complaints:
        print(complaint)
    cases = sum(len(cases) for cases in specification.cases.values())
    result = quantity(len(complaints), "complaint") if complaints else f"all witnesses agree to {AGREEMENT:g}"
    result += "; a contract with a complaint is left as it was" if write and complaints else ""
    verb = "written" if write and not complaints else "recomputed"
    print(f"{specification.package} spec {specification.version}: {cases} cases {verb}, {result}")
    return 1 if complaints else 0


if __name__ == "__main__":
    raise SystemExit(main())
