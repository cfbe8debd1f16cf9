"""A run that was stopped, killed or crashed, and went on, equals one that was not: bit for bit."""

import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from llm_train.checkpoint import load_newest

from llm_train.runs import progress
from llm_train.runs.folder import Run
from llm_train.runs.interruption import Interrupted, StopRequest
from llm_train.runs.metrics import MetricsLog
from llm_train.stages import pretrain
from llm_train.trainer import Trainer


@pytest.fixture(autouse=True)
def default_interrupt():
    """Ctrl-C works, even where the process that runs the tests ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def outcome(folder):
    """Everything that must be equal: weights, averages, metrics without the clock, samples."""
    run = Run.open(folder)
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in run.metrics()]
    last = folder / "checkpoints" / "step-00000012"
    return {
        "model": (run.model_folder / "model.safetensors").read_bytes(),
        "checkpoint": {path.name: path.read_bytes() for path in last.glob("*.safetensors")},
        "metrics": rows,
        "samples": {path.name: path.read_text() for path in run.samples_folder.iterdir()},
    }


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("stop_at", [1, 5, 11])
def test_stopped_and_resumed_equals_unbroken(tmp_path, small_recipe, reporter, monkeypatch, stop_at, threads):
    small_recipe = small_recipe.with_values(threads=threads)
    pretrain.train(small_recipe, tmp_path / "unbroken", reporter)
    write = MetricsLog.write

    def interrupting(self, **row):
        write(self, **row)
        if row["step"] == stop_at and "loss" in row:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(MetricsLog, "write", interrupting)
    with pytest.raises(Interrupted, match=f"after step {stop_at} of 12"):
        pretrain.train(small_recipe, tmp_path / "broken", reporter)
    monkeypatch.undo()
    assert load_newest(tmp_path / "broken" / "checkpoints")[0].step == stop_at
    assert pretrain.train(small_recipe, tmp_path / "broken", reporter)["resumed_at"] == stop_at
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "unbroken")


def test_a_resumed_run_reports_the_time_of_the_whole_run(tmp_path, small_recipe, monkeypatch):
    clock, update = [1000.0], Trainer.update
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def taking_two_seconds(self, number):
        clock[0] += 2.0
        return update(self, number)

    monkeypatch.setattr(Trainer, "update", taking_two_seconds)
    write = MetricsLog.write

    def interrupting(self, **row):
        write(self, **row)
        if row["step"] == 9 and "loss" in row:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(MetricsLog, "write", interrupting)
    with pytest.raises(Interrupted):
        pretrain.train(small_recipe, tmp_path / "run")
    monkeypatch.setattr(MetricsLog, "write", write)
    clock[0] += 5000.0  # the time between the two processes does not count
    results = pretrain.train(small_recipe, tmp_path / "run")
    assert (results["resumed_at"], results["seconds"], results["seconds_by_stage"]["training"]) == (9, 24.0, 24.0)
    assert results["tokens_per_second"] == results["tokens"] / 24.0
    rows = [row["seconds"] for row in Run.open(tmp_path / "run").metrics() if "loss" in row]
    assert rows == [2.0 * step for step in range(1, 13)]


@pytest.mark.parametrize("place", ["asdict", "evaluate", "save_checkpoint", "sample"])
def test_a_crash_anywhere_and_the_same_command_again(tmp_path, small_recipe, reporter, monkeypatch, place):
    pretrain.train(small_recipe, tmp_path / "unbroken", reporter)
    true = getattr(pretrain, place)
    calls = 0

    def dying(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise MemoryError
        return true(*arguments, **options)

    monkeypatch.setattr(pretrain, place, dying)
    with pytest.raises(MemoryError):
        pretrain.train(small_recipe, tmp_path / "broken", reporter)
    monkeypatch.undo()
    pretrain.train(small_recipe, tmp_path / "broken", reporter)
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "unbroken")


SETTINGS = ["steps=80", "checkpoints=9"]


def start(recipe_file, folder):
    command = [sys.executable, "-m", "llm_train", "run", "--recipe", str(recipe_file)]
    command += ["--runs", str(folder.parent), "--run", folder.name]
    command += [part for setting in SETTINGS for part in ("--set", setting)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_steps(process, folder, steps):
    """Until that many steps are in the log; the process must still be at work."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        path = folder / "metrics.jsonl"
        if path.exists() and path.read_text().count('"loss"') >= steps:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    raise AssertionError("no steps came")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_real_signal_and_the_same_recipe_again(tmp_path, recipe_file, small_recipe, reporter, number):
    broken, unbroken = tmp_path / "runs" / "broken", tmp_path / "runs" / "unbroken"
    with start(recipe_file, broken) as process:
        wait_for_steps(process, broken, 12)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert "everything is saved. The same command resumes the run" in errors
        assert "Traceback" not in errors
    recipe = small_recipe.with_settings(SETTINGS)
    assert pretrain.train(recipe, broken, reporter)["resumed_at"] > 0
    pretrain.train(recipe, unbroken, reporter)
    for part in ("model/model.safetensors", "checkpoints/step-00000080/optimizer.safetensors"):
        assert (broken / part).read_bytes() == (unbroken / part).read_bytes()


def test_a_second_signal_ends_at_once():
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
