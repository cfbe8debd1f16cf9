"""A contract says what a function must be: its name, inputs, outputs and numbered clauses.

It holds no code and no values. The values are in its cases (`case.py`), the code is what is checked
(`implementation.py`), and the words are in the docstring of our own function (`prose.py`). Contracts are written in
Markdown, the same text for people and for `read_contracts`:

    Page: explanation/norm

    ## layers.rms_norm

    - x `*batch d_model`: the vectors
    - eps: added to the mean square under the root
    - returns y `*batch d_model`: the normalized vectors
    - gradients: x
    - memory: may be shared with the arguments
    - number type: that of x

    1. The mean of the squares is taken along the last axis only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from llm_tokenizer.conformance.prose import Prose


@dataclass(frozen=True)
class Argument:
    """One input or output of a contract.

    `axes` names the axes of an array, for instance `"*batch d_model"`; it is empty for an array of one value, and None
    for a plain value (a number, a text, a list of ids).
    """

    name: str
    axes: str | None
    about: str


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What a function must be.

    Args:
        id: `package.name`; an implementation offers a function called `name`.
        clauses: What must hold, numbered from 1; every case serves one of them.
        inputs: In the order in which the function takes them.
        outputs: In the order in which it returns them.
        gradients: The inputs whose gradient is pinned too.
        views: Whether an answer may share memory with an argument.
        typed_as: The input whose number type an answer has, where that is stated.
        kept: The inputs that fresh cases leave as they are, because they depend on each other.
        terms: What the clauses take for granted, said once for all contracts of a file.
        page: The page of the documentation to read after a failure.
        function: Whose docstring says the rest (see `prose.py`); left out: that of the contract's name.
        prose: What it would say, where no docstring is about this contract alone.
    """

    id: str
    clauses: tuple[str, ...]
    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    gradients: tuple[str, ...] = ()
    views: bool = False
    typed_as: str = ""
    kept: tuple[str, ...] = ()
    terms: str = ""
    page: str = ""
    function: str = ""
    prose: Prose | None = None

    def __post_init__(self) -> None:
        if self.id.count(".") != 1:
            raise ValueError(f"Contract id {self.id!r} must be `package.name`.")
        names = [argument.name for argument in self.inputs]
        for name in self.gradients:
            if name not in names:
                raise ValueError(f"{self.id}: the gradient of {name!r} is pinned, but it is no input ({names}).")

    @property
    def name(self) -> str:
        """The name that an implementation gives its function."""
        return self.id.split(".")[1]

    @property
    def backward_name(self) -> str:
        """The name of the hand-written gradient, for arrays that cannot differentiate by themselves."""
        return f"{self.name}_backward"

    @property
    def signature(self) -> str:
        """`rms_norm(x, gain, eps) -> y`."""
        inputs = ", ".join(argument.name for argument in self.inputs)
        outputs = ", ".join(argument.name for argument in self.outputs)
        return f"{self.name}({inputs}) -> {outputs}"

    @property
    def backward_signature(self) -> str:
        """`rms_norm_backward(dy, x, gain, eps) -> dx, dgain`."""
        upstream = [f"d{argument.name}" for argument in self.outputs]
        inputs = [argument.name for argument in self.inputs]
        gradients = ", ".join(f"d{name}" for name in self.gradients)
        return f"{self.backward_name}({', '.join(upstream + inputs)}) -> {gradients}"

    def axes_of(self, name: str) -> str | None:
        """The axes of an input, an output, (they are the same) of its gradient, or of one array of a list: `x[2]`."""
        name = name.partition("[")[0]
        for argument in (*self.outputs, *self.inputs):
            if argument.name == name:
                return argument.axes
        return None


_ITEM = re.compile(r"(returns )?(\w+)(?: `([^`]+)`)?: (.+)")
_PROSE = {"summary": "summary", "why it works": "why", "source": "source"}


def read_contracts(*files: Path) -> tuple[Contract, ...]:
    """Read the contracts of Markdown files, in their order.

    Raises:
        ValueError: A line under the heading of a contract is none of those shown above; the message says which.
    """
    return tuple(contract for file in files for contract in _read_file(file))


def _read_file(file: Path) -> list[Contract]:
    page, terms, found = "", "", []
    for part in re.split(r"^## ", file.read_text(encoding="utf-8"), flags=re.MULTILINE):
        title, _, body = part.partition("\n")
        lines = re.sub(r"\n +", " ", body).splitlines()  # a line that is indented continues the one before it
        told = [line for line in lines if line and not line.startswith("Page: ")]
        if re.fullmatch(r"[a-z]+\.[a-z0-9_]+", title):
            found.append(_read_contract(title, page, terms, told))
        else:
            terms = " ".join(told)
        page = next((line[6:] for line in reversed(lines) if line.startswith("Page: ")), page)
    return found


def _read_contract(identifier: str, page: str, terms: str, lines: list[str]) -> Contract:
    clauses: list[str] = []
    inputs: list[Argument] = []
    outputs: list[Argument] = []
    named: dict[str, str] = {}
    for line in lines:
        item = _ITEM.fullmatch(line.removeprefix("- "))
        key, _, rest = line.removeprefix("- ").partition(": ")
        if line.startswith(f"{len(clauses) + 1}. "):
            clauses.append(line.partition(" ")[2])
        elif key.lower() in (*_PROSE, "gradients", "docstring", "memory", "number type", "dependent"):
            named[key.lower()] = rest
        elif line.startswith("- ") and item:
            returned, name, axes, about = item.groups()
            (outputs if returned else inputs).append(Argument(name, "" if axes == "()" else axes, about))
        else:
            raise ValueError(f"{identifier}: the line {line!r} is no argument, clause or named line.")
    prose = {field: named[key] for key, field in _PROSE.items() if key in named}
    return Contract(
        id=identifier,
        clauses=tuple(clauses),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        gradients=tuple(named["gradients"].split(", ")) if "gradients" in named else (),
        views="memory" in named,
        typed_as=named.get("number type", "").removeprefix("that of "),
        kept=tuple(named["dependent"].split(", ")) if "dependent" in named else (),
        terms=terms,
        page=page,
        function=named.get("docstring", ""),
        prose=Prose(**prose) if prose else None,
    )
