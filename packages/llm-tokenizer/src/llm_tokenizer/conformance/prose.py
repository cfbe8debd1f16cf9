"""What a contract says in words, read from the docstring of the function that it pins, without importing anything.

A docstring has a first line, `Formula:`, `Why it works:`, `Spec:` (the ids of its contracts) and `Source:`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Prose:
    """What a contract's function does, its formula, why it works, and where the idea was published."""

    summary: str
    formula: str = ""
    why: str = ""
    source: str = ""


def read_prose(docstring: str) -> Prose:
    """Read the parts of a docstring that `ast.get_docstring` or `inspect.getdoc` returned."""
    found = {"summary": _joined(docstring.split("\n\n")[0]), "formula": "", "why": "", "source": ""}
    for name, title in (("formula", "Formula"), ("why", "Why it works"), ("source", "Source")):
        part = re.search(
            rf"^{title}:[ \n](.+?)(?=\n\n(?! )|\n(?=[A-Z][a-z ]+:)|\Z)", docstring, re.MULTILINE | re.DOTALL
        )
        found[name] = (_lines if name == "formula" else _joined)(part[1]) if part else ""
    return Prose(**found)


def find_prose(module: str, contract: str, function: str) -> Prose:
    """Find the docstring of `function` in the source of the package `module`; it must name `contract` as its own.

    Of several functions of that name the one counts whose first line does not refer to another (as a fast one does).

    Raises:
        LookupError: No function of that name names the contract.
    """
    docstrings = [text for name, text in _docstrings(module) if name == function and _names(text, contract)]
    if not docstrings:
        raise LookupError(f"{contract}: no function {function!r} in {module} names this contract under 'Spec:'.")
    return read_prose(min(docstrings, key=lambda text: f"{function}`" in text.partition("\n\n")[0]))


def _names(docstring: str, contract: str) -> bool:
    named = docstring.partition("Spec:")[2].partition("\n\n")[0]
    return contract in re.findall(r"[a-z]+\.[a-z0-9_]+", named)


@cache
def _docstrings(module: str) -> list[tuple[str, str]]:
    """The docstrings of a package that name a contract, each with the name of its function or class."""
    located = find_spec(module)
    assert located is not None and located.origin is not None, "a package with a specification has a file"
    folder = Path(located.origin).parent
    found = []
    for path in sorted(folder.rglob("*.py")):
        if {"spec", "reference"} & set(path.relative_to(folder).parts):
            continue
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "Spec:" in text else ():
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and "Spec:" in (ast.get_docstring(node) or ""):
                found.append((node.name, ast.get_docstring(node) or ""))
    return found


def _lines(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def _joined(text: str) -> str:
    return " ".join(text.split())
