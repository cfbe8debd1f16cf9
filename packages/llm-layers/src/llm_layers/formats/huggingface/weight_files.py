"""The weight files of a model folder: one safetensors file, or several and an index; each is opened once."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from llm_layers.interface import LayersError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
PICKLED = "pytorch_model*.bin"


@dataclass(frozen=True, kw_only=True)
class StoredWeight:
    """One tensor in an open file; its values are read when they are asked for."""

    name: str
    file: Path
    source: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Its axes."""
        return tuple(self.source.get_slice(self.name).get_shape())

    def read(self) -> Tensor:
        """Return the tensor."""
        tensor: Tensor = self.source.get_tensor(self.name)
        return tensor

    def equals(self, other: "StoredWeight") -> bool:
        """Return whether both hold the same values in the same type."""
        mine, theirs = self.read(), other.read()
        return mine.dtype == theirs.dtype and torch.equal(mine, theirs)


@contextmanager
def stored_weights(path: Path) -> Iterator[list[StoredWeight]]:
    """Open all weight files of a folder and yield every tensor in them.

    Raises:
        LayersError: a file cannot be read, or does not hold what the index promises.
    """
    with ExitStack() as stack:
        weights: list[StoredWeight] = []
        for file, promised in _files(path).items():
            source = stack.enter_context(_open(file))
            names = list(source.keys())
            if missing := sorted(promised - set(names)):
                raise LayersError(
                    f"'{path / INDEX}' says that '{file.name}' holds {', '.join(missing[:5])}, but it does not: "
                    "get the folder again"
                )
            weights += [StoredWeight(name=name, file=file, source=source) for name in names]
        yield weights


def _files(path: Path) -> dict[Path, set[str]]:
    """Return each file with the names that the index promises in it."""
    if (path / WEIGHTS).exists() or not (path / INDEX).exists():
        return {path / WEIGHTS: set()}
    names = read_json(path / INDEX).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(file, str) for file in names.values()):
        raise LayersError(f"weight_map in '{path / INDEX}' must name a file for each weight: get the folder again")
    files: dict[Path, set[str]] = {}
    for name, file in sorted(names.items(), key=lambda entry: (entry[1], entry[0])):
        if Path(file).name != file:  # an index must not lead out of its folder
            raise LayersError(f"weight_map in '{path / INDEX}' must name files of its own folder, but named {file!r}")
        files.setdefault(path / file, set()).add(name)
    return files


def _open(file: Path) -> Any:
    try:
        return safe_open(file, framework="pt")
    except (OSError, SafetensorError) as error:
        reason = str(error) if file.exists() else "there is no such file"
        if not file.exists() and any(file.parent.glob(PICKLED)):
            reason += "; the weights beside it are pickled, which can run code: save them as safetensors first"
        raise LayersError(f"the weights in '{file}' cannot be read: {reason}") from None


def read_json(file: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        LayersError: naming the file and what is wrong with it.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LayersError(f"'{file}' cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise LayersError(f"'{file}' must be JSON, but is not: {error}") from None
    if not isinstance(content, dict):
        raise LayersError(f"'{file}' must hold a JSON object, but holds {type(content).__name__}")
    return content
