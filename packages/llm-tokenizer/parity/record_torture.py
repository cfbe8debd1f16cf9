"""Write what the libraries say of the torture texts into `torture.json`: `python record_torture.py`."""

from __future__ import annotations

import json
from typing import Any

from oracles import Encode, Oracle, oracles
from vocabularies import folder

from llm_tokenizer.spec.torture import FILE, has_surrogates, torture_texts

# SmolLM2 has no token for these bytes. Its library leaves them out of the text without a word; we refuse the text.
MISSING_BYTES = {"smollm2": {0x04, 0x06, 0x13, 0x14, 0x16, 0x1D, *range(0xF1, 0xF3), *range(0xF5, 0x100)}}


def record(oracle: Oracle) -> dict[str, Any]:
    """One entry of the file."""
    plain = {name: _ids(oracle, oracle.plain, text) for name, text in torture_texts().items()}
    special = None
    if oracle.special is not None:
        found = {name: _ids(oracle, oracle.special, text) for name, text in torture_texts().items()}
        special = {name: ids for name, ids in found.items() if ids != plain[name]}
    return {"oracle": oracle.library, "plain": plain, "special": special}


def _ids(oracle: Oracle, encode: Encode, text: str) -> list[int] | None:
    if has_surrogates(text) or MISSING_BYTES.get(oracle.name, set()) & set(text.encode()):
        return None
    return encode(text)


def layout(document: dict[str, Any]) -> str:
    """JSON with a line for each text, so that a change can be read."""
    lines = ["{", f' "about": {json.dumps(document["about"])},', ' "texts": [']
    lines += [_rows([json.dumps(text) for text in document["texts"]]), " ],", ' "vocabularies": {']
    entries = []
    for name, entry in document["vocabularies"].items():
        parts = [f'  {json.dumps(name)}: {{\n   "oracle": {json.dumps(entry["oracle"])}']
        for key in ("plain", "special"):
            rows = [f"{json.dumps(text)}: {_compact(ids)}" for text, ids in (entry[key] or {}).items()]
            parts.append(f'   "{key}": ' + ("null" if entry[key] is None else "{\n" + _rows(rows) + "\n   }"))
        entries.append(",\n".join(parts) + "\n  }")
    return "\n".join([*lines, ",\n".join(entries), " }", "}"]) + "\n"


def _rows(rows: list[str]) -> str:
    return ",\n".join("    " + row for row in rows)


def _compact(ids: list[int] | None) -> str:
    return json.dumps(ids, separators=(",", ":"))


if __name__ == "__main__":
    document = json.loads(FILE.read_text(encoding="utf-8"))
    document["vocabularies"] = {oracle.name: record(oracle) for oracle in oracles(folder())}
    FILE.write_text(layout(document), encoding="utf-8")
