"""Reading a file field by field, trusting nothing: sizes before memory, each mistake with file, field and remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm_tokenizer.interface import TokenizerError

LARGEST_FILE = 1 << 28  # bytes; the largest vocabularies that are in use take about 40 million
LARGEST_ID = (1 << 24) - 1
REMEDY = "download the file again, or load it with its own library"


class FieldError(Exception):
    """A field that is not as it must be; `naming` puts the file's name in front."""


def refusal(field: str, must: str, was: object, remedy: str = REMEDY) -> FieldError:
    """Return the error that says what a field must be, what it was and what to do."""
    shown = repr(was) if isinstance(was, bytes) else json.dumps(was, ensure_ascii=True, default=repr)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return FieldError(f"{field}: must be {must}, was {shown}; {remedy}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Raise everything that goes wrong inside as a `TokenizerError` that names this file."""
    try:
        yield
    except FieldError as error:
        raise TokenizerError(f"{path}: {error}") from None
    except TokenizerError as error:
        raise TokenizerError(f"{path}: {error}; {REMEDY}") from None
    except FileNotFoundError:
        raise TokenizerError(f"{path}: there is no such file; check the path") from None
    except OSError as error:
        raise TokenizerError(failed_read(path, error)) from None


def failed_read(path: str | Path, error: OSError) -> str:
    """Return the sentence for a failed read: which file, why, and the remedy."""
    if isinstance(error, IsADirectoryError):
        return f"{path}: must be a file, is a folder; name a file in it"
    return f"{path}: cannot be read: {error.strerror or error}; check the path"


def read_whole(path: Path) -> bytes:
    """Return all bytes of a file, once it is known that they are not too many."""
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise refusal(
            "the file's size", f"at most {LARGEST_FILE} bytes", size, "name the tokenizer's file, not the model's"
        )
    return path.read_bytes()


def read_text(path: Path) -> str:
    """Return the text of a file, which must be UTF-8."""
    data = read_whole(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal("the text", f"UTF-8 (byte {error.start} is not)", f"0x{data[error.start]:02x}") from None


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file, which must be an object."""
    text = read_text(path)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refusal("the text", f"JSON ({error})", text[:20]) from None
    if not isinstance(document, dict):
        raise refusal("the file", "a JSON object", document)
    return document


def decode_text(data: bytes, field: str) -> str:
    """Return the text of a field, which must be UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise refusal(field, "UTF-8", data[:40]) from None


def check_id(field: str, id: object) -> int:
    """Return an id if it is a whole number, not negative, and not so large that no model could have it."""
    if type(id) is not int or not 0 <= id <= LARGEST_ID:
        raise refusal(field, f"a whole number from 0 to {LARGEST_ID}", id if type(id) is not int else str(id)[:20])
    return id


def value_under(value: object, *keys: object) -> Any:
    """Return what is found under these keys, one within the other; None where there is no such thing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) and isinstance(key, str) else None
    return value


_ABSENT = object()
_NAMES = {str: "a string", dict: "an object", list: "a list", bool: "true or false"}


class Fields:
    """The fields of a JSON document by dotted names such as `model.type`."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def find(self, field: str) -> Any:
        """Return the value of a field; None if it is absent."""
        value: Any = self._document
        for key in field.split("."):
            if value is not None and not isinstance(value, dict):
                raise refusal(field.rpartition(".")[0], "an object", value)
            value = None if value is None else value.get(key)
        return value

    def get(self, field: str, kind: type, *, default: object = _ABSENT) -> Any:
        """Return the value of a field, which must be of this kind; with a default it may be absent."""
        value = self.find(field)
        if value is None and default is not _ABSENT:
            return default
        if not isinstance(value, kind):
            raise refusal(field, _NAMES[kind], value)
        return value

    def steps(self, field: str, inside: str) -> list[dict[str, Any]]:
        """Return the steps of a field, those of a `Sequence`, which lists them under `inside`, one by one."""
        found: list[dict[str, Any]] = []
        waiting = [self.find(field)]
        while waiting:
            step = waiting.pop(0)
            if value_under(step, "type") == "Sequence":
                if not isinstance(step.get(inside), list):
                    raise refusal(f"{field}.{inside}", "a list", step.get(inside))
                waiting = [*step[inside], *waiting]
            elif isinstance(value_under(step, "type"), str):
                found.append(step)
            elif step is not None:
                raise refusal(field, "an object with a type", step)
        return found

    def expect(self, field: str, *accepted: object) -> None:
        """Refuse any value of a field but these."""
        value = self.find(field)
        if not any(value == one and type(value) is type(one) for one in accepted):
            raise refusal(field, " or ".join(json.dumps(one) for one in accepted), value)
