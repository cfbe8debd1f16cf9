"""What each package brings to the proof of its specification, in `proof/⟨package⟩/`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llm_tokenizer.conformance import Alternative, Specification
from llm_tokenizer.interface import UserError

PACKAGES = ("llm-tokenizer", "llm-layers", "llm-train", "llm-generate")


@dataclass(frozen=True)
class Witness:
    """An independent computation of the goldens.

    `load` returns a namespace of functions under the contracts' names.
    """

    name: str
    load: Callable[[], Any]
    arrays: str = "numpy"


def chosen(packages: Sequence[str]) -> list[Specification]:
    """Return the specifications of the named packages, or all.

    Raises:
        UserError: There is no package of that name.
    """
    for package in packages:
        if package not in PACKAGES:
            raise UserError(f"{package}: no package of this project. Name one of {', '.join(PACKAGES)}.")
    return [
        importlib.import_module(f"{package.replace('-', '_')}.spec").SPECIFICATION for package in packages or PACKAGES
    ]


def witnesses(specification: Specification) -> tuple[Witness, ...]:
    """Return the independent computations, besides the reference and the complex step."""
    return tuple(_part(specification, "witnesses").WITNESSES)


def variants(specification: Specification) -> tuple[Alternative, ...]:
    """Return the known correct alternatives."""
    return tuple(_part(specification, "variants").VARIANTS)


def equivalents(specification: Specification) -> dict[str, str]:
    """Return the planted faults that change no answer, by their label, each with the reason."""
    return dict(_part(specification, "equivalents").EQUIVALENT)


def _part(specification: Specification, part: str) -> Any:
    return importlib.import_module(f"proof.{specification.module}.{part}")
