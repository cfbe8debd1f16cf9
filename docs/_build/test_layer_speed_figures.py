"""The page on the speed of layers shows what the bench recorded, and says so where nothing is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import layer_speed_figures
import plots
import pytest

PAIR = {"bar": 1, "unit": "x"}
RECORD = {
    "machine": {"processor": "A <kind> of processor", "cores": 2, "python": "3.11.7", "system": "Linux"},
    "measured": "one thread, processor time",
    "versions": {"torch": "2.13.0"},
    "shapes": {"small": "4 layers"},
    "rows": [
        {"what": "step, small, float32, a against b", "ours": 0.5, "peer": 1, "reached": 2, **PAIR, "met": True},
        {"what": "step, small, bfloat16, a against b", "ours": 2, "peer": 1, "reached": 0.5, **PAIR, "met": False},
        {"what": "peak", "reached": 0.4, "bar": 0.5, "unit": "x", "met": True, "at_most": True},
    ],
    "ladder": [
        {"design": "gpt2", "rung": "clear", "seconds": 0.1, "peak": 200.4},
        {"design": "gpt2", "rung": "+ norms", "seconds": 0.08, "peak": 150.0},
    ],
    "compile": {"gpt2": 21.4, "qwen3": 33.0},
}  # fmt: skip


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(plots, "RECORDED", tmp_path)
    return tmp_path / "layers-bench.json"


def test_what_was_measured_is_shown(record: Path) -> None:
    record.write_text(json.dumps(RECORD))
    assert "<td>small, float32, a against b</td><td>500</td><td>1,000</td><td>2 ×</td>" in layer_speed_figures.steps()
    assert "2 × a : b</text>" in layer_speed_figures.steps()
    low = layer_speed_figures.low_steps()
    assert "<td>0.5 ×</td><td>≥ 1 ×</td><td>no</td>" in low and "float32" not in low
    assert "<td>peak</td><td>0.4 ×</td><td>≤ 0.5 ×</td><td>yes</td>" in layer_speed_figures.memory()
    assert "<td>gpt2, + norms</td><td>80.0</td><td>+20 %</td><td>150</td>" in layer_speed_figures.ladder()
    assert "<td>gpt2, 4 x 128</td><td>21 s</td>" in layer_speed_figures.compiled()
    assert "A &lt;kind&gt; of processor, one thread" in layer_speed_figures.where()


def test_what_is_not_recorded_is_named(record: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no layers-bench\.json: run `nox -s bench -- layers"):
        plots.bench_record("layers")
