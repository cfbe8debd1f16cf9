"""A case is inputs and golden answers for one contract, stored as readable JSON.

Floats are written out exactly (Python prints the shortest text that reads back as the
same float), so a case can be read by a person, compared by `diff`, and loaded by any language.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from llm_tokenizer.conformance.arrays import parts

KINDS = ("by hand", "ordinary", "edge", "large", "varied", "fresh")


@dataclass(frozen=True, kw_only=True)
class Case:
    """Inputs and golden answers.

    `catches`: which mistake the case is there to catch. `tolerance` is the largest accepted
    deviation for each dtype (and `inside` for float32 within float64), as a fraction of the largest golden value;
    `each` is that of every number as a fraction of itself.
    `witnesses` records who agreed on the goldens, and how closely. `raises` names the error that must come instead.
    """

    contract: str
    id: str
    kind: str
    clause: int
    catches: str
    inputs: dict[str, Any]
    upstream: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    gradients: dict[str, Any] = field(default_factory=dict)
    tolerance: dict[str, float] = field(default_factory=dict)
    witnesses: dict[str, str] = field(default_factory=dict)
    worked: str = ""
    layout: str = "contiguous"
    raises: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.contract}/{self.id}: kind must be one of {KINDS}, not {self.kind!r}.")

    @property
    def has_floats(self) -> bool:
        """Whether an input is a float array, so that the case is tried in several precisions."""
        arrays = [part for value in self.inputs.values() for part in parts(value) if isinstance(part, np.ndarray)]
        return any(array.dtype == np.float64 for array in arrays)

    @property
    def dtype(self) -> str:
        """The precision in which it is tried first: float64, or "exact" where no input is a float array."""
        return "float64" if self.has_floats else "exact"


_FIELDS = ("id", "kind", "clause", "catches", "worked", "layout", "raises")
_VALUES = ("inputs", "upstream", "outputs", "gradients")
_RECORDS = ("tolerance", "witnesses")


def read_cases(path: Path) -> list[Case]:
    """Read one case file: all cases of one contract."""
    document = json.loads(path.read_text(encoding="utf-8"))
    cases = []
    for entry in document["cases"]:
        unknown = set(entry) - set(_FIELDS) - set(_VALUES) - set(_RECORDS)
        if unknown:
            raise ValueError(f"{path}: case {entry.get('id')!r} has unknown fields {sorted(unknown)}.")
        fields: dict[str, Any] = {name: entry[name] for name in (*_FIELDS, *_RECORDS) if name in entry}
        for name in _VALUES:
            fields[name] = {key: decode(value) for key, value in entry.get(name, {}).items()}
        cases.append(Case(contract=document["contract"], **fields))
    identifiers = [case.id for case in cases]
    if len(set(identifiers)) != len(identifiers):
        raise ValueError(f"{path}: two cases have the same id ({identifiers}).")
    return cases


def write_cases(path: Path, contract: str, cases: list[Case]) -> None:
    """Write one case file, one row of values a line."""
    entries = []
    for case in cases:
        entry: dict[str, Any] = {name: getattr(case, name) for name in _FIELDS}
        entry = {name: value for name, value in entry.items() if value and (name, value) != ("layout", "contiguous")}
        for name in _VALUES:
            values = getattr(case, name)
            if values:
                entry[name] = {key: encode(value) for key, value in values.items()}
        for name in _RECORDS:
            if getattr(case, name):
                entry[name] = getattr(case, name)
        entries.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_layout({"contract": contract, "cases": entries}) + "\n", encoding="utf-8")


def encode(value: Any) -> Any:
    """Return a value as JSON: arrays with dtype and shape, bytes as hexadecimal, anything else as it is."""
    if isinstance(value, np.ndarray):
        flat = [_encode_number(number) for number in value.reshape(-1).tolist()]
        return {"dtype": str(value.dtype), "shape": list(value.shape), "values": flat}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def decode(value: Any) -> Any:
    """Return the value that `encode` made this JSON of."""
    if isinstance(value, dict) and set(value) == {"dtype", "shape", "values"}:
        numbers = [float(number) if isinstance(number, str) else number for number in value["values"]]
        return np.array(numbers, dtype=value["dtype"]).reshape(value["shape"])
    if isinstance(value, dict) and set(value) == {"bytes"}:
        return bytes.fromhex(value["bytes"])
    if isinstance(value, dict) and set(value) == {"float"}:
        return float(value["float"])
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def _encode_number(number: Any) -> Any:
    if isinstance(number, float) and not math.isfinite(number):
        return str(number)  # JSON has no infinity: "-inf"
    return number


def _layout(value: Any, indent: int = 0) -> str:
    """Return JSON with short things on one line and arrays broken into rows of their last axis."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= 110:
        return flat
    pad, inner = " " * indent, " " * (indent + 2)
    if isinstance(value, dict):
        row = value["shape"][-1] if set(value) == {"dtype", "shape", "values"} and value["shape"] else 0
        parts = []
        for key, item in value.items():
            body = _rows(item, row, indent + 4) if key == "values" and row else _layout(item, indent + 2)
            parts.append(f"{inner}{json.dumps(key)}: {body}")
        return "{\n" + ",\n".join(parts) + f"\n{pad}}}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + _layout(item, indent + 2) for item in value) + f"\n{pad}]"
    return flat


def _rows(values: list[Any], row: int, indent: int) -> str:
    lines = [json.dumps(values[start : start + row])[1:-1] for start in range(0, len(values), row)]
    return "[\n" + ",\n".join(" " * indent + line for line in lines) + "\n" + " " * (indent - 2) + "]"
