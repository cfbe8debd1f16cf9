"""A run that was stopped, killed or crashed, and went on, equals one that was not: bit for bit."""

import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from killed_runs import differing_files, outcome, wait_for_step

from llm_train.checkpoints import store
from llm_train.checkpoints.folders import steps_saved
from llm_train.commands.main import main
from llm_train.interface import NonFiniteError, TrainError
from llm_train.runs import progress
from llm_train.runs.folder import Run
from llm_train.runs.interruption import Interrupted, StopRequest
from llm_train.runs.metrics import read_metrics
from llm_train.stages import finish, prepare, pretrain, training_run
from llm_train.trainer import Trainer


@pytest.fixture(autouse=True)
def default_signals():
    """Ctrl-C and a closed terminal end a program, even where the process that runs the tests ignores them."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class At:
    """A tracker that does something when it is told of a step, or of a validation."""

    def __init__(self, step, act, measured="loss"):
        self.step, self.act, self.measured = step, act, measured

    def start(self, recipe):
        pass

    def log(self, step, row):
        if step == self.step and self.measured in row:
            self.act()

    def finish(self, results):
        pass


def interrupt():
    signal.raise_signal(signal.SIGINT)


class CrashError(BaseException):
    """The process dies here."""


def crash():
    raise CrashError


@pytest.fixture
def unbroken(tmp_path, small_recipe, reporter):
    pretrain.train(small_recipe, tmp_path / "unbroken", reporter)
    return outcome(tmp_path / "unbroken")


@pytest.mark.parametrize(
    "settings",
    [
        ["threads=1"], ["threads=2", "precision=bfloat16", "dropout=0.1"],
        ["threads=2", "average=0.9"], ["precision=float16"],
        ["threads=2", "batch_doublings=[0.25, 0.5]", "first_length=8", "length_multiple=8", "dropout=0.1"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("stop_at", [1, 5, 11, 12])
def test_stopped_and_resumed_equals_unbroken(tmp_path, small_recipe, reporter, stop_at, settings):
    small_recipe = small_recipe.with_settings(settings)
    pretrain.train(small_recipe, tmp_path / "unbroken", reporter)
    with pytest.raises(Interrupted, match=f"after step {stop_at} of 12; everything is saved"):
        pretrain.train(small_recipe, tmp_path / "broken", reporter, [At(stop_at, interrupt)])
    assert steps_saved(tmp_path / "broken" / "checkpoints")[-1] == stop_at
    assert pretrain.train(small_recipe, tmp_path / "broken", reporter)["resumed_at"] == stop_at
    assert differing_files(tmp_path / "broken", tmp_path / "unbroken") == []


@pytest.mark.parametrize(
    ("step", "measured"), [(1, "loss"), (4, "loss"), (6, "validation_loss"), (12, "validation_loss")]
)
def test_a_crash_at_any_row_and_the_same_call_again(tmp_path, small_recipe, reporter, unbroken, step, measured):
    with pytest.raises(CrashError):
        pretrain.train(small_recipe, tmp_path / "broken", reporter, [At(step, crash, measured)])
    pretrain.train(small_recipe, tmp_path / "broken", reporter)
    assert outcome(tmp_path / "broken") == unbroken


@pytest.mark.parametrize(
    ("module", "place"), [(training_run, "evaluate"), (training_run, "sample"), (store, "save_checkpoint")]
)
def test_a_crash_anywhere_and_the_same_call_again(
    tmp_path, small_recipe, reporter, monkeypatch, unbroken, module, place
):
    true, calls = getattr(module, place), 0

    def dying(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise CrashError
        return true(*arguments, **options)

    monkeypatch.setattr(module, place, dying)
    with pytest.raises(CrashError):
        pretrain.train(small_recipe, tmp_path / "broken", reporter)
    monkeypatch.undo()
    pretrain.train(small_recipe, tmp_path / "broken", reporter)
    assert outcome(tmp_path / "broken") == unbroken


def test_a_signal_in_a_validation_saves_and_the_validation_is_made_again(
    tmp_path, small_recipe, reporter, monkeypatch, unbroken
):
    true = training_run.next_token_loss

    def interrupted(*arguments):
        interrupt()
        return true(*arguments)

    monkeypatch.setattr(training_run, "next_token_loss", interrupted)
    monkeypatch.setattr(training_run, "VALIDATION_TOKENS", 1)
    with pytest.raises(Interrupted, match="stopped in the validation after step 3 of 12; everything is saved"):
        pretrain.train(small_recipe, tmp_path / "broken", reporter)
    monkeypatch.undo()
    assert steps_saved(tmp_path / "broken" / "checkpoints") == [3]
    pretrain.train(small_recipe, tmp_path / "broken", reporter)
    assert outcome(tmp_path / "broken") == unbroken


@pytest.mark.parametrize("place", ["load_corpus", "train_bpe", "write_tokens"])
def test_a_signal_in_the_preparation_keeps_what_is_finished(
    tmp_path, small_recipe, reporter, monkeypatch, unbroken, place
):
    def interrupted(*arguments, **options):
        signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(prepare, place, interrupted)
        with pytest.raises(Interrupted, match="stopped during the preparation; everything that was finished is saved"):
            pretrain.train(small_recipe, tmp_path / "broken", reporter)
    if place == "write_tokens":
        monkeypatch.setattr(prepare, "train_bpe", lambda *_, **__: pytest.fail("the tokenizer was there"))
    pretrain.train(small_recipe, tmp_path / "broken", reporter)
    assert outcome(tmp_path / "broken") == unbroken


@pytest.mark.parametrize("change", ["another recipe", "another text"])
def test_what_was_prepared_for_something_else_is_made_anew(
    tmp_path, small_recipe, reporter, monkeypatch, unbroken, change, corpus_file, play
):
    def interrupted(*arguments, **options):
        interrupt()

    first = small_recipe.with_settings(["vocab_size=290"]) if change == "another recipe" else small_recipe
    if change == "another text":
        corpus_file.write_text(play[: len(play) // 2])
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "write_tokens", interrupted)
        with pytest.raises(Interrupted):
            pretrain.train(first, tmp_path / "broken", reporter)
    corpus_file.write_text(play)
    pretrain.train(small_recipe, tmp_path / "broken", reporter)
    assert outcome(tmp_path / "broken") == unbroken


def test_another_number_of_threads_goes_on(tmp_path, small_recipe, reporter):
    for threads, last in ((2, 4), (1, 8), (3, 12)):
        recipe, stop = small_recipe.with_settings([f"threads={threads}", "batch=8"]), [At(last, interrupt)]
        with pytest.raises(Interrupted):
            pretrain.train(recipe, tmp_path / "run", reporter, stop)
        assert Run.open(tmp_path / "run").recipe().compute.threads == threads
    results = pretrain.train(small_recipe.with_settings(["batch=8"]), tmp_path / "run", reporter)
    assert results["resumed_at"] == 12


def test_a_recipe_that_was_edited_after_a_checkpoint_is_refused_by_name(tmp_path, small_recipe, reporter):
    with pytest.raises(Interrupted):
        pretrain.train(small_recipe, tmp_path / "run", reporter, [At(5, interrupt)])
    file = tmp_path / "run" / "recipe.toml"
    edited = file.read_text().replace("beta1 = 0.9 ", "beta1 = 0.8 ").replace("samples = 2 ", "samples = 1 ")
    file.write_text(edited)
    with pytest.raises(
        TrainError, match=r"recipe\.toml was changed after .* step 5: optimizer\.beta1 was 0\.9, is 0\.8\."
    ):
        pretrain.train(Run.open(tmp_path / "run").recipe(), tmp_path / "run", reporter)
    assert file.read_text() == edited
    file.write_text(edited.replace("beta1 = 0.8 ", "beta1 = 0.9 "))  # other reports change no weight
    assert pretrain.train(Run.open(tmp_path / "run").recipe(), tmp_path / "run", reporter)["resumed_at"] == 5


def test_the_best_and_every_fourth_are_kept_when_asked_for(tmp_path, small_recipe, reporter):
    recipe = small_recipe.with_settings(["keep_every=4", "keep_best=true", "validations=5"])
    pretrain.train(recipe, tmp_path / "run", reporter)
    run = Run.open(tmp_path / "run")
    during = {row["step"]: row["validation_loss"] for row in run.metrics() if row.get("windows") == 4}
    best = min(during, key=lambda step: during[step])
    assert steps_saved(run.checkpoints_folder) == sorted({4, 8, 12, 10, best})


def test_a_checkpoint_is_never_older_than_it_may_be_and_changes_nothing(tmp_path, small_recipe, reporter, unbroken):
    often = small_recipe.with_settings(["checkpoint_minutes=1e-9"])
    with pytest.raises(CrashError):
        pretrain.train(often, tmp_path / "often", reporter, [At(8, crash)])
    assert steps_saved(tmp_path / "often" / "checkpoints") == [6, 7]
    pretrain.train(often, tmp_path / "often", reporter)
    assert outcome(tmp_path / "often") == unbroken


def test_a_weight_that_is_no_number_is_never_saved(tmp_path, small_recipe, reporter, monkeypatch):
    update = Trainer.update

    def spoiling(self, number):
        step = update(self, number)
        if step.number == 12:
            self.backend.model.final_norm.gain.data[0] = float("inf")
        return step

    monkeypatch.setattr(Trainer, "update", spoiling)
    with pytest.raises(NonFiniteError, match=r"step 12: the weight final_norm\.gain is no longer finite.* not saved"):
        pretrain.train(small_recipe, tmp_path / "run", reporter)
    assert steps_saved(tmp_path / "run" / "checkpoints") == [6, 9]


def test_a_resumed_run_reports_the_time_of_the_whole_run(tmp_path, small_recipe, monkeypatch):
    clock, update = [1000.0], Trainer.update
    small_recipe = small_recipe.with_settings(["compile=no"])  # so that nothing is measured beforehand
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def taking_two_seconds(self, number):
        clock[0] += 2.0
        return update(self, number)

    monkeypatch.setattr(Trainer, "update", taking_two_seconds)
    with pytest.raises(Interrupted):
        pretrain.train(small_recipe, tmp_path / "run", trackers=[At(9, interrupt)])
    clock[0] += 5000.0  # the time between the two processes does not count
    results = pretrain.train(small_recipe, tmp_path / "run")
    assert (results["resumed_at"], results["seconds"], results["seconds_by_stage"]["training"]) == (9, 24.0, 24.0)
    assert results["tokens_per_second"] == results["tokens"] / 24.0
    rows = list(read_metrics(tmp_path / "run" / "timings.jsonl"))
    assert [row["seconds"] for row in rows] == [2.0 * step for step in range(1, 13)]
    assert {row["tokens_per_second"] for row in rows} == {results["tokens"] / 24.0}


def command(recipe_file, folder, *settings):
    words = [sys.executable, "-m", "llm_train", "run", "--recipe", str(recipe_file)]
    words += ["--runs", str(folder.parent), "--run", folder.name]
    return words + [part for setting in settings for part in ("--set", setting)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_real_signal_and_the_same_command_again(tmp_path, recipe_file, small_recipe, reporter, number):
    broken, unbroken, settings = tmp_path / "broken", tmp_path / "unbroken", ["steps=80", "checkpoints=9"]
    with subprocess.Popen(
        command(recipe_file, broken, *settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for_step(process, broken, 12)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert "everything is saved. The same command resumes the run" in errors
        assert "Traceback" not in errors
    recipe = small_recipe.with_settings(settings)
    assert pretrain.train(recipe, broken, reporter)["resumed_at"] > 0
    pretrain.train(recipe, unbroken, reporter)
    assert differing_files(broken, unbroken) == []


FIRST_SECOND = """
import os, signal, sys, threading, time
def soon():
    while "torch" not in sys.modules:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=soon, daemon=True).start()
from llm_train.commands.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_signal_in_the_first_second(tmp_path, recipe_file):
    words = [sys.executable, "-c", FIRST_SECOND, *command(recipe_file, tmp_path / "runs" / "early")[3:]]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 130
    started, stopped = done.stderr.splitlines()
    assert "starting" in started and stopped.endswith("stopped. Nothing had begun; the same command starts the run.")
    assert not Path(tmp_path / "runs").exists()


def test_a_second_signal_ends_at_once():
    with StopRequest() as stop, stop.deferred():
        signal.raise_signal(signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_terminal_that_closes_is_a_signal_unless_it_is_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.requested
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with StopRequest() as stop, stop.deferred():
            signal.raise_signal(signal.SIGHUP)
            assert stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_recipe_in_a_runs_folder_resumes_it(tmp_path, recipe_file, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(finish, "parameter_count", lambda *rest: signal.raise_signal(signal.SIGINT))
        assert main(["run", "--recipe", str(recipe_file), "--run", "long", "--set", "steps=5"]) == 130
    assert main(["run", "--recipe", "tiny", "--run", "long"]) == 2
    shown = capsys.readouterr().err.splitlines()[-1]
    assert shown.count(" wanted") == 3 and " more. Nothing was changed" in shown
    assert main(["results", "long"]) == 2
    for said in (shown, capsys.readouterr().err):
        assert "`llm-train run --recipe=runs/long/recipe.toml` resumes it" in said
    assert main(["run", "--recipe=runs/long/recipe.toml"]) == 0
    assert [path.name for path in Path("runs").iterdir()] == ["long"]
    assert main(["run", "--recipe", "tiny", "--run", "long"]) == 2
    assert "recipe.toml` shows its results" in capsys.readouterr().err
    assert "--runs=/elsewhere" in Run("/elsewhere/long").how_to_resume
