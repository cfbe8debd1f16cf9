"""`python -m llm_layers.spec [IMPLEMENTATION]`: check this package, or your module, against the specification."""

from __future__ import annotations

import secrets
from argparse import Namespace
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from llm_tokenizer.commands.console import Console
from llm_tokenizer.commands.parser import Parser, run_command
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.conformance.arrays import KINDS
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.harness import check_implementation
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.purity import SECONDS
from llm_tokenizer.conformance.report import as_json, print_report
from llm_tokenizer.conformance.specification import Specification
from llm_tokenizer.files.writing import write_errors_as, write_json
from llm_tokenizer.interface import UserError

_EXAMPLES = """\
    python -m {module}.spec                            this package
    python -m {module}.spec my_code                    my_code.py in this folder
    python -m {module}.spec my_code -k {name:<16}only the contracts with that in their id
    python -m {module}.spec --list                     what there is to write

An implementation is a module with functions under any of the contracts' names. They take their
inputs by position; a missing function is "not written yet", which is no failure. {values}

A contract says what a function must be, in numbered clauses; a case is inputs with the expected (golden)
answers, on which independent computations (witnesses) agree. A known mistake (a slip) is named where its
values are yours. In the table, "edges" are the cases that ordinary inputs never reach, and "·" means "not
tried": there is no such case, or float64 is wrong already.
Exit status: 0 all that is written passes, 1 something differs, 2 user error, 130 stopped by Ctrl-C.
"""

_PLAIN = """All inputs
and outputs are plain: texts, bytes, numbers, and lists, tuples and dicts of them; no gradients are asked for."""
_ARRAYS = """One line in the
module says which arrays it wants:

    SPEC_ARRAYS = "torch"      # or "jax", "lists"; the default is "numpy"

"""
_NO_GRADIENTS = "No gradients of these functions are asked for."
_GRADIENTS = """\
torch and jax are differentiated for you. With numpy or lists the gradient is a function of its own:
{backward}."""


def main(specification: Specification, argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(f"python -m {specification.module}.spec", lambda: _parser(specification), argv)


def _parser(specification: Specification) -> Parser:
    parser = Parser(
        f"python -m {specification.module}.spec",
        f"Check an implementation against the {specification.package} specification.",
        _EXAMPLES.format(
            module=specification.module, name=specification.contracts[0].name, values=_values(specification)
        ),
    )
    parser.add_argument("implementation", nargs="?", help="a module or a .py file (default: this package)")
    parser.add_argument("-k", dest="keyword", default="", metavar="TEXT", help="only contracts with this in their id")
    parser.add_argument("--arrays", choices=list(KINDS), help="instead of the module's own SPEC_ARRAYS")
    parser.add_argument("--quick", action="store_true", help="try only the stored cases and the fresh ones")
    parser.add_argument(
        "--seed", type=int, help="seed of the fresh cases: that of an earlier run tries its cases again"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"seconds of processor time that a call may take ({SECONDS:g})"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write the results as JSON")
    parser.add_argument("--list", action="store_true", help="list what there is to write, in detail with -k, and stop")
    parser.set_defaults(run=lambda options: _run(specification, options))
    return parser


def _run(specification: Specification, options: Namespace) -> int:
    console = Console()
    contracts = [contract for contract in specification.contracts if options.keyword in contract.id]
    if not contracts:
        raise UserError(_nothing_found(options.keyword, specification))
    if options.list:
        if options.keyword:
            for contract in contracts:
                _describe(specification, contract, console)
        else:
            _list(specification, contracts, console)
        return 0
    if options.report and (options.report.is_dir() or not options.report.parent.is_dir()):
        raise UserError(f"--report must be the name of a file in a folder that exists, but was '{options.report}'")
    if not options.seconds > 0:
        raise UserError(f"--seconds must be above 0, but was {options.seconds:g}")
    if options.arrays and not options.implementation:
        raise UserError("--arrays is for an implementation of yours, but none was named: name it, or omit --arrays")
    implementation = specification.ours
    if options.implementation:
        implementation = Implementation.load(options.implementation, arrays=options.arrays)
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    with Progress(f"python -m {specification.module}.spec") as progress:
        result = check_implementation(
            specification, implementation, options.keyword, generated=not options.quick, seed=seed,
            seconds=options.seconds, tell=progress,
        )  # fmt: skip
    if any(verdict.endless for verdict in result.verdicts):
        result.hints.append(f"--seconds allows a call more processor time than {options.seconds:g} seconds")
    print_report(result, console)
    if options.report:
        with write_errors_as(UserError, options.report):
            write_json(options.report, as_json(result))
    return 1 if result.failed else 0


def _values(specification: Specification) -> str:
    """Return what the functions of this package take and return, in words."""
    contracts = specification.contracts
    if not any(argument.axes for contract in contracts for argument in (*contract.inputs, *contract.outputs)):
        return _PLAIN
    backward = next((contract.backward_signature for contract in contracts if contract.gradients), None)
    return _ARRAYS + (_NO_GRADIENTS if backward is None else _GRADIENTS.format(backward=backward))


def _list(specification: Specification, contracts: list[Contract], console: Console) -> None:
    """Print a line for each function that there is to write."""
    group = ""
    for contract in contracts:
        if (folder := specification.case_files[contract.id].parent.name.replace("_", " ")) != group:
            console.print(f"\n{folder}" if group else folder, style="bold")
            group = folder
        console.print(f"  {contract.signature}", soft_wrap=True)
    console.print(f"\n--list -k {contracts[0].name} shows what that one takes, returns and must do.")


def _describe(specification: Specification, contract: Contract, console: Console) -> None:
    """Print what there is to write, with shapes and clauses."""
    console.print(f"{contract.signature}  {specification.prose(contract).summary}", style="bold")
    for argument in (*contract.inputs, *contract.outputs):
        axes = f"({argument.axes}) " if argument.axes else ""
        console.print(f"    {argument.name}: {axes}{argument.about}")
    if contract.terms:
        console.print(f"    {contract.terms}", style="dim")
    for number, clause in enumerate(contract.clauses, start=1):
        console.print(f"    {number}. {clause}", style="dim")
    if contract.gradients:
        console.print(f"    gradient: {contract.backward_signature}", style="dim")
    console.print()


def _nothing_found(keyword: str, specification: Specification) -> str:
    names = [contract.name for contract in specification.contracts]
    near = get_close_matches(keyword.lower(), names, n=3)
    nearest = f"; the nearest: {', '.join(near)}" if near else ""
    return f"no contract has {keyword!r} in its id{nearest}. --list shows all {len(names)}"
