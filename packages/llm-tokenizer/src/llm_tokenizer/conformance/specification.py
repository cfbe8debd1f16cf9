"""A package's specification: its contracts, its cases and the mistakes that they recognize.

A slip is a mistake that people really make, written as a small wrong implementation; a variant is
a correct implementation written otherwise. Every slip must be caught and no variant refused.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from llm_tokenizer.conformance.case import Case, read_cases
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.large import LargeCases
from llm_tokenizer.conformance.prose import Prose, find_prose

Function = Callable[..., Any]


@dataclass(frozen=True)
class Alternative:
    """One implementation of a contract: a slip (wrong) or a variant (right)."""

    contract: str
    name: str
    hint: str
    function: Function
    arrays: str | None
    backward: bool
    correct: bool

    def implementation(self, default_arrays: str, reference: Any) -> Implementation:
        """Return the namespace to check; a wrong backward is beside the reference's right forward."""
        name = self.contract.split(".")[1]
        functions = {name: self.function}
        if self.backward:
            functions = {name: getattr(reference, name), f"{name}_backward": self.function}
        arrays = "numpy" if self.backward else self.arrays or default_arrays
        return Implementation(SimpleNamespace(**functions), arrays=arrays, name=self.name)


class Alternatives(list[Alternative]):
    """The slips of a package, or its variants, in the order in which they are written.

    `SLIPS.of("layers.rms_norm")` returns a decorator for that contract, which a short function takes as an expression:

        slip = SLIPS.of("layers.rms_norm")
        slip("gain forgotten", "the gain is not used")(lambda x, gain, eps: x / root(x, eps))

    Each has the signature of its contract and can be called on its own: `slips_of(contract)[0].function(x, gain, eps)`.
    """

    def __init__(self, *others: Alternatives, correct: bool = False) -> None:
        super().__init__(alternative for other in others for alternative in other)
        self.correct = correct

    def of(self, contract: str) -> Callable[..., Callable[[Function], Function]]:
        """Return the decorator that adds functions for one contract."""

        def add(
            name: str, hint: str = "", *, arrays: str | None = None, backward: bool = False
        ) -> Callable[[Function], Function]:
            """`hint`: what a learner reads; `backward`: the function is a wrong NumPy `…_backward`."""

            def keep(function: Function) -> Function:
                self.append(Alternative(contract, name, hint, function, arrays, backward, self.correct))
                return function

            return keep

        return add


@dataclass(frozen=True, kw_only=True)
class Specification:
    """Everything that pins one package. Modules are named, not imported: contracts load without torch.

    Args:
        package: The distribution, `llm-layers`.
        module: The import name, `llm_layers`.
        version: Of the specification, not of the package: "the truth changed", not "our code changed".
        contracts: What is pinned.
        arrays: The kind of arrays in which slips and variants are written.
    """

    package: str
    module: str
    version: str
    contracts: tuple[Contract, ...]
    arrays: str = "torch"

    @property
    def folder(self) -> Path:
        """Where the package's specification is installed."""
        located = importlib.import_module(f"{self.module}.spec").__file__
        assert located is not None, "a package with code has a file"
        return Path(located).parent

    @cached_property
    def case_files(self) -> dict[str, Path]:
        """The case file of each contract."""
        return {f"{self.prefix}.{path.stem}": path for path in sorted((self.folder / "cases").rglob("*.json"))}

    @property
    def prefix(self) -> str:
        """The first part of the contracts' ids: `layers`."""
        return self.package.removeprefix("llm-")

    @cached_property
    def cases(self) -> dict[str, list[Case]]:
        """The cases of each contract, in the contracts' order.

        Raises:
            ValueError: A contract has no cases, or a case file has no contract.
        """
        known = [contract.id for contract in self.contracts]
        if set(known) != set(self.case_files):
            odd = sorted(set(known) ^ set(self.case_files))
            raise ValueError(f"{self.package}: contracts and case files do not pair up: {odd}.")
        return {identifier: read_cases(self.case_files[identifier]) for identifier in known}

    def contract(self, identifier: str) -> Contract:
        """Return the contract of that id."""
        return next(contract for contract in self.contracts if contract.id == identifier)

    def prose(self, contract: Contract) -> Prose:
        """Return what a contract says in words: its own, or the docstring of the function that it pins."""
        return contract.prose or find_prose(self.module, contract.id, contract.function or contract.name)

    @property
    def ours(self) -> Implementation:
        """Our own package, checked like anybody's."""
        return Implementation(self._import("spec.ours"), name=self.module)

    @property
    def reference(self) -> Any:
        """The slow and plain implementation that the goldens come from."""
        return self._import("reference")

    @cached_property
    def slips(self) -> tuple[Alternative, ...]:
        """The known mistakes."""
        return tuple(self._import("spec.slips").SLIPS)

    @property
    def large(self) -> LargeCases:
        """The rules of the large cases, if there are any."""
        present = importlib.util.find_spec(f"{self.module}.spec.large") is not None
        return LargeCases(self._import("spec.large").LARGE) if present else LargeCases()

    def slips_of(self, contract: str) -> list[Alternative]:
        """Return the known mistakes of one contract."""
        return [slip for slip in self.slips if slip.contract == contract]

    def _import(self, part: str) -> Any:
        return importlib.import_module(f"{self.module}.{part}")
