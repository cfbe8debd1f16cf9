"""The metadata of a model: a setting that could change the result is either read or refused."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from llm_layers.interface import LayersError

REQUIRED: Any = object()
KINDS = {int: "a whole number of at least 0", float: "a number", str: "a text", bool: "true or false"}


def plain(number: float) -> float:
    """Return the shortest decimal number that becomes the same float32.

    Settings are stored as float32, and this is what they were before: 1e-05, not 9.99999974737875e-06.
    """
    return float(str(np.float32(number)))


class Settings:
    """The settings of one family by name; it remembers which of them nobody has read.

    Args:
        metadata: all entries of a file.
        family: the name of the family, which is the prefix of its settings.
    """

    def __init__(self, metadata: Mapping[str, Any], family: str) -> None:
        self._left = dict(metadata)
        self._family = family

    def take(self, name: str, kind: type[Any], default: Any = REQUIRED) -> Any:
        """Return a setting; with a default it may be absent."""
        key = f"{self._family}.{name}"
        value: Any = self._left.pop(key, default)
        if value is REQUIRED:
            raise LayersError(f"the metadata must hold {key}, but does not: get the file again, or convert it again")
        if value is default:
            return value
        if type(value) is not kind or (kind is int and value < 0):
            raise LayersError(f"{key} must be {KINDS[kind]}, but was {value!r:.60}: convert the file again")
        return plain(value) if kind is float else value

    def expect(self, name: str, *accepted: Any) -> None:
        """Refuse any value of a setting but these; it may be absent."""
        key = f"{self._family}.{name}"
        value = self._left.pop(key, accepted[0])
        if not any(value == one and type(value) is type(one) for one in accepted):
            raise LayersError(
                f"{key} must be {' or '.join(map(repr, accepted))} for this model, but was {value!r:.60}: "
                "run the file with llama.cpp"
            )

    def finish(self) -> None:
        """Refuse what nobody has read: it could change the result."""
        notes = ("general.", "imatrix.", "mradermacher.", "quantize.", "tokenizer.", "training.")
        unknown = sorted(key for key in self._left if not key.startswith(notes))
        if unknown:
            raise LayersError(
                f"the metadata holds settings that this package does not know and that could change the result: "
                f"{', '.join(unknown)[:300]}: run the file with llama.cpp"
            )
