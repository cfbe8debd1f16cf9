"""Trackers with the real libraries: what they draw is what the run measured, also after a resume."""

import json
import os
import subprocess
import sys

import pytest

from llm_train.runs.trackers import Guarded, named_trackers

RECIPE = {"model": {"layers": 2}, "training": {"steps": 4}}


def follow(name, folder, steps):
    said = []
    (tracker,) = (Guarded(one, said.append) for one in named_trackers([name], folder))
    tracker.start(RECIPE)
    for step in steps:
        tracker.log(step, {"loss": len(steps) / step, "update_ratio": {"head": 0.5, "norms": None}, "windows": "all"})
    tracker.finish({"validation_loss": 1.5})
    assert said == []


def test_tensorboard_reads_what_was_logged_and_forgets_what_a_resume_repeats(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    follow("tensorboard", tmp_path / "novel", [1, 2, 3])
    follow("tensorboard", tmp_path / "novel", [3, 4])  # resumed at the checkpoint of step 2
    events = EventAccumulator(str(tmp_path / "novel" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4]
    assert [event.value for event in events.Scalars("loss")] == pytest.approx([3.0, 1.5, 2 / 3, 0.5])
    assert {"update_ratio/head", "results/validation_loss"} <= set(events.Tags()["scalars"])
    assert events.Scalars("results/validation_loss")[-1].value == 1.5


def test_trackio_keeps_the_run_on_this_computer(tmp_path):
    pytest.importorskip("trackio")
    script = """if True:
        from pathlib import Path
        from test_trackers import follow
        for steps in ([1, 2], [3, 4]):
            follow("trackio", Path("novel"), steps)
    """
    environment = os.environ | {
        "TRACKIO_DIR": str(tmp_path / "trackio"), "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path]),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    asked = ["get", "metric", "--project", "llm-train", "--run", "novel", "--metric", "loss", "--json"]
    command = [sys.executable, "-c", "from trackio.cli import main; main()", *asked]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    values = json.loads(shown.stdout)["values"]
    assert [(value["step"], value["value"]) for value in values] == [(1, 2.0), (2, 1.0), (3, 2 / 3), (4, 0.5)]
