"""Public names that are imported when they are first used, so that `--help` of a command does not wait for torch."""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def deferred_imports(package: str, file: str) -> tuple[Callable[[str], Any], list[str]]:
    """Return `__getattr__` and `__all__` for a package whose `__init__.py` imports its names under `TYPE_CHECKING`.

    The imports in the file are the one list of public names: type checkers read them, and so does this function.

    Args:
        package: The name of the package, `__name__`.
        file: Its `__init__.py`, `__file__`.
    """
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    home = {alias.name: str(node.module) for node in imports for alias in node.names if alias.asname == alias.name}

    def import_name(name: str) -> Any:
        if name == "__version__":
            return installed_version(package.replace("_", "-"))
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home[name]), name)

    return import_name, sorted(home)


def installed_version(package: str) -> str:
    """Look up the version of a package; only now, because that takes longer than all the rest."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
