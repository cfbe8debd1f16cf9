"""The page on speed shows what the bench recorded, and says so where nothing is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import plots
import pytest
import speed_figures

PAIR = {"unit": "x", "met": True, "bar": 4}
RECORD = {
    "machine": {"processor": "A <kind> of processor", "cores": 2, "python": "3.11.7", "system": "Linux"},
    "versions": {"tiktoken": "0.14.0"},
    "rows": [
        {"what": "encode, gpt2, code, no compiler", "ours": 0.5, "peer": 1.0, "megabytes": 4.0, "reached": 2.0, **PAIR},
        {"what": "encode, gpt2, code, fast", "ours": 0.125, "peer": 1.0, "megabytes": 4.0, "reached": 8.0, **PAIR},
        {"what": "peak", "reached": 310.0, "bar": 300, "unit": "MB", "met": False, "at_most": True},
    ],
}


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(plots, "RECORDED", tmp_path)
    return tmp_path / "tokenizer-bench.json"


def test_speeds_are_shown_as_measured(record: Path) -> None:
    record.write_text(json.dumps(RECORD))
    shown = speed_figures.encode_speeds()
    assert "<td>GPT-2, code</td><td>4</td><td>8</td><td>32</td><td>8.0 ×</td>" in shown and "\n" not in shown
    others = speed_figures.other_speeds()
    assert "<td>peak</td><td>310 MB</td><td>≤ 300 MB</td><td>no</td>" in others and "fast" not in others
    assert "A &lt;kind&gt; of processor, 2 cores" in speed_figures.where_measured()


def test_what_is_not_recorded_is_named(record: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no tokenizer-bench\.json: run `nox -s bench"):
        plots.bench_record("tokenizer")
    record.write_text(json.dumps({**RECORD, "rows": RECORD["rows"][2:]}))
    with pytest.raises(ValueError, match="holds no row"):
        speed_figures.encode_speeds()
