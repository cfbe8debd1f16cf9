"""What `nox -s bench -- tokenizer --record docs/recorded/tokenizer-bench.json` measured, as tables."""

from __future__ import annotations

import html
import re
from typing import Any

import plots
from bars import bars
from vocabulary_figures import table

_ENCODE = re.compile(r"encode, (?P<vocabulary>\w+), (?P<text>English|code|languages), (?P<way>no compiler|fast)$")
_VOCABULARIES = {"gpt2": "GPT-2", "cl100k": "GPT-4"}
_PLACES = {"English": "English", "code": "code", "languages": "a hundred languages"}


def encode_speeds() -> str:
    """Megabytes in a second on one core, for each vocabulary and kind of text: the peer, clear, and fast."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in plots.bench_record("tokenizer")["rows"]:
        if matched := _ENCODE.match(row["what"]):
            speeds = found.setdefault((matched["vocabulary"], matched["text"]), {})
            speeds |= {matched["way"]: row["megabytes"] / row["ours"], "tiktoken": row["megabytes"] / row["peer"]}
    if not found:
        raise ValueError(
            "tokenizer-bench.json holds no row “encode, vocabulary, text, way”: record it anew, without --only"
        )
    groups, rows = [], []
    for (vocabulary, text), speeds in found.items():
        name = f"{_VOCABULARIES.get(vocabulary, vocabulary)}, {_PLACES[text]}"
        shown = (("tiktoken", "tiktoken"), ("clear", "no compiler"), ("fast", "fast"))
        groups.append((name, [(who, speeds[way]) for who, way in shown if way in speeds]))
        ratio = f"{speeds['fast'] / speeds['tiktoken']:.1f} ×"
        rows.append((html.escape(name), *(_speed(speeds, way) for _, way in shown), ratio))
    label = "Megabytes encoded in a second: tiktoken, our clear and our fast code"
    drawn = bars(groups, unit=" MB/s", label=label, pale=["tiktoken"])
    return drawn + table(("MB/s, one core, text seen before", "tiktoken", "clear", "fast", "fast to tiktoken"), rows)


def other_speeds() -> str:
    """Every other row: what was measured, what was reached, and what was asked for."""
    rows = [
        (html.escape(row["what"]), _with_unit(row, "reached"), _with_unit(row, "bar"), "yes" if row["met"] else "no")
        for row in plots.bench_record("tokenizer")["rows"]
        if not _ENCODE.match(row["what"])
    ]
    return table(("what", "reached", "asked for", "met"), rows)


def where_measured() -> str:
    """The machine and the libraries, in a line."""
    record = plots.bench_record("tokenizer")
    machine = record["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    line = f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}; {versions}"
    return f'<div class="measured-on">{html.escape(line)}</div>'


def _speed(speeds: dict[str, float], way: str) -> str:
    return f"{speeds[way]:.3g}" if way in speeds else ""


def _with_unit(row: dict[str, Any], key: str) -> str:
    unit = "×" if row["unit"] == "x" else row["unit"]
    sign = ("≤ " if row.get("at_most") else "≥ ") if key == "bar" else ""
    return html.escape(f"{sign}{row[key]:.3g} {unit}")
