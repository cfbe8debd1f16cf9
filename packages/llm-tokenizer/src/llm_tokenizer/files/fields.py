"""A document from a file, field by field, with nothing taken on trust."""

from __future__ import annotations

import json
from typing import Any

from llm_tokenizer.files.field import refusal

_ABSENT = object()
_NAMES = {str: "a string", dict: "an object", list: "a list", bool: "true or false"}


class Fields:
    """The fields of a JSON document by dotted names such as `model.type`."""

    def __init__(self, document: object) -> None:
        if not isinstance(document, dict):
            raise refusal("the file", "a JSON object", document)
        self._document: dict[str, Any] = document

    def find(self, field: str) -> Any:
        """The value of a field; None where it is absent."""
        value: Any = self._document
        for key in field.split("."):
            if value is not None and not isinstance(value, dict):
                raise refusal(field.rpartition(".")[0], "an object", value)
            value = None if value is None else value.get(key)
        return value

    def get(self, field: str, kind: type, *, default: object = _ABSENT) -> Any:
        """The value of a field, which must be of this kind; with a default it may be absent."""
        value = self.find(field)
        if value is None and default is not _ABSENT:
            return default
        if not isinstance(value, kind):
            raise refusal(field, _NAMES[kind], value)
        return value

    def expect(self, field: str, *accepted: object) -> None:
        """Refuse any value of a field but these."""
        value = self.find(field)
        if not any(value == one and type(value) is type(one) for one in accepted):
            raise refusal(field, " or ".join(json.dumps(one) for one in accepted), value)
