"""The public surface of a package as text: `packages/*/interface.txt` is this, frozen.

python tests/surface.py            compare
python tests/surface.py --write    accept a change, which then belongs in the package's CHANGELOG
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = ["llm-tokenizer", "llm-layers", "llm-train", "llm-generate"]


def surface(package: str) -> str:
    """One line for every public name, and for every public member of a public class."""
    module = importlib.import_module(package.replace("-", "_"))
    lines = [line for name in sorted(module.__all__) for line in _describe(name, getattr(module, name))]
    return "\n".join(lines) + "\n"


def _describe(name: str, value: Any) -> Iterator[str]:
    """Signatures as they are in the source: what a reader sees is what is stored."""
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        yield f"{name}: {type(value).__name__}"
        return
    node = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
    if isinstance(node, ast.FunctionDef):
        yield f"def {name}{_signature(node)}"
    elif isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        yield f"class {name}({bases})" if bases else f"class {name}"
        for member in node.body:
            if isinstance(member, ast.FunctionDef) and (_is_public(member.name) or member.name in _SPECIAL):
                property_ = any(ast.unparse(mark) == "property" for mark in member.decorator_list)
                shown = f": {ast.unparse(member.returns)}" if property_ and member.returns else _signature(member)
                yield f"    {name}.{member.name}{shown}"
            elif isinstance(member, ast.AnnAssign) and _is_public(ast.unparse(member.target)):
                yield f"    {name}.{ast.unparse(member)}"


_SPECIAL = ("__init__", "__call__", "__iter__", "__enter__", "__exit__", "__len__")


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _signature(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){returns}"


def main(arguments: list[str]) -> int:
    """Compare or write all four files; return the number of packages whose surface changed."""
    changed = 0
    for package in PACKAGES:
        path = ROOT / "packages" / package / "interface.txt"
        found = surface(package)
        if "--write" in arguments:
            path.write_text(found, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != found:
            changed += 1
            print(f"{package}: not what its interface.txt says; nox -s interface -- --write accepts it")
    return changed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
