"""Files with functions of your own: a function that has the name of a contract takes the place of ours."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from llm_tokenizer.conformance import Contract, Implementation, Specification
from llm_train.interface import TrainError
from llm_train.parts.pins import files_of


@dataclass(frozen=True)
class Parts:
    """Functions of yours by the names of their contracts, and the file that each comes from."""

    functions: dict[str, Callable[..., Any]]
    files: dict[str, str]
    written: dict[str, tuple[str, ...]]
    """The names of all functions in each file, but for those that begin with an underscore."""
    implementations: dict[str, Implementation]
    """Each file, as it is checked."""

    def of(self, names: Iterable[str]) -> dict[str, Callable[..., Any]]:
        """Return those of these names that there are."""
        return {name: self.functions[name] for name in names if name in self.functions}


@cache
def contracts() -> dict[str, tuple[Specification, Contract]]:
    """Return specification and contract by the name of the function; all cases are read for it."""
    from llm_layers.spec import SPECIFICATION as LAYERS
    from llm_train.spec import SPECIFICATION as TRAINING

    return {contract.name: (one, contract) for one in (LAYERS, TRAINING) for contract in one.contracts}


@cache
def load_parts(entries: tuple[str, ...]) -> Parts:
    """Import the files, and return the functions in them that have the name of a contract.

    Raises:
        TrainError: a file is missing, has changed since the run began, or is not for torch; or two have one name.
    """
    functions: dict[str, Callable[..., Any]] = {}
    files: dict[str, str] = {}
    named: dict[str, tuple[str, ...]] = {}
    implementations = {file: Implementation.load(file) for file in files_of(entries)}
    for file, implementation in implementations.items():
        written = {
            name: function
            for name in vars(implementation.namespace)
            if (function := implementation.find(name)) and getattr(function, "__module__", None) == implementation.name
        }  # without what is imported from elsewhere
        named[file] = tuple(name for name in written if not name.startswith("_"))
        taken = [name for name in contracts() if name in written]
        arrays = getattr(implementation.namespace, "SPEC_ARRAYS", "numpy")
        if taken and arrays != "torch":
            raise TrainError(
                f"{file}: its functions take {arrays} arrays, and a loss can be followed back through torch functions "
                'only: write them with torch, and put SPEC_ARRAYS = "torch" into the file'
            )
        for name in taken:
            if name in functions:
                raise TrainError(f"{name} is in {files[name]} and in {file}: leave it in one of them")
            functions[name], files[name] = written[name], file
    return Parts(functions, files, named, implementations)
