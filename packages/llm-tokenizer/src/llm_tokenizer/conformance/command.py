"""`python -m llm_layers.spec [IMPLEMENTATION]`: put ours, or yours, on trial."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from llm_tokenizer.commands.exit_status import run_to_the_end
from llm_tokenizer.conformance.arrays import KINDS
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.harness import put_on_trial
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.report import as_json, print_report
from llm_tokenizer.conformance.specification import Specification

_EPILOG = """\
An implementation is a module with functions under any of the contracts' names. They take their
inputs by position; a missing function is "not written yet", which is no failure. {values}

examples:
    python -m {module}.spec                            ours
    python -m {module}.spec my_code                    my_code.py in this folder
    python -m {module}.spec my_code -k {name:<16}only the contracts with that in their id
    python -m {module}.spec --list                     what there is to write

In the table, "edges" are the cases that ordinary inputs never reach, and "·" means that there is nothing of the kind.
Exit status: 0 all that is written is right, 1 something differs, 2 the command was wrong, 130 stopped by Ctrl-C.
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
    """Run the command; the exit status comes back."""
    return run_to_the_end(lambda: _run(specification, argv))


class _Console(Console):
    """A closed pipe is left to `run_to_the_end`; rich itself would end the program, with status 1."""

    def on_broken_pipe(self) -> None:
        raise  # rich calls this while it handles the BrokenPipeError, which goes on from here


def _run(specification: Specification, argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog=f"python -m {specification.module}.spec",
        description=f"Put an implementation on trial against the {specification.package} specification.",
        epilog=_EPILOG.format(
            module=specification.module, name=specification.contracts[0].name, values=_values(specification)
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("implementation", nargs="?", help="a module or a .py file; left out: ours")
    parser.add_argument("-k", dest="keyword", default="", metavar="TEXT", help="only contracts with this in their id")
    parser.add_argument("--arrays", choices=list(KINDS), help="instead of the module's own SPEC_ARRAYS")
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write the whole trial as JSON")
    parser.add_argument("--list", action="store_true", help="list the contracts and their signatures, and stop")
    options = parser.parse_args(argv)
    console = _Console(soft_wrap=True)
    contracts = [contract for contract in specification.contracts if options.keyword in contract.id]
    if not contracts:
        return _refuse(_nothing_found(options.keyword, specification))
    if options.list:
        for contract in contracts:
            _describe(specification, contract, console)
        return 0
    if options.report and (options.report.is_dir() or not options.report.parent.is_dir()):
        return _refuse(f"--report must be the name of a file in a folder that is there, but was '{options.report}'")
    if options.arrays and not options.implementation:
        return _refuse("--arrays is for an implementation of yours, but none was named: name it, or leave --arrays out")
    try:
        implementation = specification.ours
        if options.implementation:
            implementation = Implementation.load(options.implementation, arrays=options.arrays)
    except ValueError as error:
        return _refuse(str(error))
    trial = put_on_trial(specification, implementation, options.keyword)
    print_report(trial, console)
    if options.report:
        try:
            options.report.write_text(json.dumps(as_json(trial), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            return _refuse(f"the report in '{options.report}' cannot be written: {error.strerror or error}")
    return 1 if trial.failed else 0


def _values(specification: Specification) -> str:
    """What the functions of this package take and give, in words."""
    contracts = specification.contracts
    if not any(argument.axes for contract in contracts for argument in (*contract.inputs, *contract.outputs)):
        return _PLAIN
    backward = next((contract.backward_signature for contract in contracts if contract.gradients), None)
    return _ARRAYS + (_NO_GRADIENTS if backward is None else _GRADIENTS.format(backward=backward))


def _describe(specification: Specification, contract: Contract, console: Console) -> None:
    """What there is to write, with shapes and clauses."""
    console.print(
        f"[bold]{escape(contract.signature)}[/]  {escape(specification.prose(contract).summary)}", highlight=False
    )
    for argument in (*contract.inputs, *contract.outputs):
        axes = f"({argument.axes}) " if argument.axes else ""
        console.print(f"    {argument.name}: {axes}{argument.about}", highlight=False, markup=False)
    for number, clause in enumerate(contract.clauses, start=1):
        console.print(f"    {number}. {clause}", highlight=False, markup=False, style="dim")
    if contract.gradients:
        console.print(f"    gradient: {contract.backward_signature}", highlight=False, markup=False, style="dim")
    console.print()


def _nothing_found(keyword: str, specification: Specification) -> str:
    names = [contract.name for contract in specification.contracts]
    near = get_close_matches(keyword.lower(), names, n=3, cutoff=0.0)
    return f"no contract has {keyword!r} in its id; the nearest: {', '.join(near)}. --list shows all {len(names)}"


def _refuse(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
