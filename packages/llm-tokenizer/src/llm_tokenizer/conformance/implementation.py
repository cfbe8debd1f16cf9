"""What is checked: a module, or any object, with functions under the contracts' names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from llm_tokenizer.conformance.arrays import KINDS, Arrays
from llm_tokenizer.conformance.their_code import why_not_imported
from llm_tokenizer.interface import UserError


class Implementation:
    """A namespace of functions and the kind of arrays that they take."""

    def __init__(self, namespace: Any, *, arrays: str | None = None, name: str | None = None) -> None:
        """`arrays` wins over the namespace's own `SPEC_ARRAYS`; the default is NumPy."""
        self.namespace = namespace
        self.name: str = name or getattr(namespace, "__name__", None) or type(namespace).__name__
        kind = arrays or getattr(namespace, "SPEC_ARRAYS", "numpy")
        if kind not in KINDS:
            raise UserError(f"{self.name}: SPEC_ARRAYS must be one of {', '.join(KINDS)}, not {kind!r}.")
        if kind != "lists" and importlib.util.find_spec(kind) is None:
            raise UserError(
                f"{self.name}: asks for {kind} arrays (SPEC_ARRAYS or --arrays), but the package {kind} is not "
                f"installed: install it, or take another of {', '.join(KINDS)}."
            )
        self.arrays: Arrays = KINDS[kind]

    @classmethod
    def load(cls, name: str, *, arrays: str | None = None) -> Implementation:
        """Import a module by its dotted name, or a `.py` file by its path, from the current folder too.

        Raises:
            UserError: There is no such module, or it fails while it is imported; the message says where.
        """
        folder = str(Path.cwd())
        if folder not in sys.path:
            sys.path.insert(0, folder)
        if name.endswith(".py"):
            return cls(_import_file(Path(name)), arrays=arrays, name=Path(name).stem)
        return cls(_import_module(name), arrays=arrays, name=name)

    def find(self, name: str) -> Callable[..., Any] | None:
        """Return the function of that name, or None: not written yet."""
        function = getattr(self.namespace, name, None)
        return function if callable(function) and not isinstance(function, (ModuleType, type)) else None

    def hints(self, wanted: Sequence[str], known: Collection[str]) -> Iterator[str]:
        """Show what was probably meant for one of the functions that are still wanted, and cannot be taken for it."""
        for name, value in vars(self.namespace).items():
            if name in wanted and self.find(name) is None:
                kind = "a class" if isinstance(value, type) else f"a value of type {type(value).__name__}"
                yield f"{name} is {kind} and must be a function"
            elif callable(value) and name not in known and getattr(value, "__module__", None) == self.name:
                for near in get_close_matches(name.lower(), wanted, n=1, cutoff=0.85):
                    yield f"{name} is no name of the specification; did you mean {near}?"


def _import_module(name: str) -> ModuleType:
    if name.startswith(".") or "/" in name:
        what = "a folder" if Path(name).is_dir() else "neither"
        raise UserError(f"{name!r} must be a module or a .py file to be checked, and is {what}: name a .py file.")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if Path(name).is_file():
            raise UserError(f"{name!r} must be a module or a .py file to be checked; it is another file.") from None
        if name == missing or name.startswith(missing + "."):  # else something that it imports is missing
            raise UserError(
                f"There is no module {name!r} to check: run this in the folder that holds it, "
                "or give the path of a .py file."
            ) from None
        raise UserError(why_not_imported(name, error)) from None
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything while it is imported
        raise UserError(why_not_imported(name, error)) from None
    if getattr(module, "__file__", None) is None and hasattr(module, "__path__"):
        raise UserError(f"{name!r} is a folder without code of its own (__init__.py): name a .py file in it.")
    return module


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UserError(f"There is no file {path} to check.")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None and specification.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # as above
        raise UserError(why_not_imported(str(path), error)) from None
    return module
