"""The public surface of a package as text: `packages/*/interface.txt` is this, frozen.

python tests/surface.py            compare
python tests/surface.py --write    accept a change: it belongs into the package's CHANGELOG too
"""

from __future__ import annotations

import importlib
import inspect
import sys
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
    if inspect.isclass(value):
        yield f"class {name}{_signature(value)}"
        for member, thing in sorted(vars(value).items()):
            if member.startswith("_"):
                continue
            if isinstance(thing, property):
                yield f"    {name}.{member}: {_annotation(thing.fget)}"
            elif inspect.isfunction(thing) or isinstance(thing, (classmethod, staticmethod)):
                yield f"    {name}.{member}{_signature(getattr(value, member))}"
    elif callable(value):
        yield f"def {name}{_signature(value)}"
    elif inspect.ismodule(value):
        yield f"module {name}"
    else:
        yield f"{name}: {type(value).__name__}"


def _signature(value: Any) -> str:
    try:
        return str(inspect.signature(value)).replace("'", "")
    except (TypeError, ValueError):
        return "(…)"


def _annotation(getter: Any) -> str:
    return str(inspect.signature(getter).return_annotation).replace("'", "")


def main(arguments: list[str]) -> int:
    """Compare or write all four files; the number of packages whose surface changed comes back."""
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
