import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from llm_layers import load_model
from llm_tokenizer import load_tokenizer
from llm_train.checkpoints.folders import steps_saved
from llm_train.checkpoints.room import file_system
from llm_train.interface import TrainError
from llm_train.place import Place
from llm_train.recipes.recipe import Recipe
from llm_train.runs import calibration
from llm_train.runs.calibration import calibrate, steps_that_fit
from llm_train.runs.finding import find_run
from llm_train.runs.folder import Run
from llm_train.runs.interruption import Interrupted
from llm_train.runs.lock import locked
from llm_train.stages import decide, pretrain


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_everything(tmp_path, small_recipe, reporter):
    folder = tmp_path / "runs" / "small"
    results = pretrain.train(small_recipe, folder, reporter)
    run = Run.open(folder)
    assert run.finished
    assert run.results() == results
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "recipe.toml", "corpus.json", "environment.json", "metrics.jsonl", "timings.jsonl", "report.html",
        "results.json", "lock", "tokens", "samples", "checkpoints", "model",
    }  # fmt: skip
    assert run.recipe() == small_recipe
    assert steps_saved(run.checkpoints_folder) == [9, 12]
    assert sorted(path.name for path in run.samples_folder.iterdir()) == [f"step-{step:08d}.txt" for step in (4, 8, 12)]
    rows = list(run.metrics())
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 13))
    assert [row["step"] for row in rows if "validation_loss" in row] == [3, 6, 9, 12]
    assert rows[-1]["windows"] == "all"
    assert rows[-1]["bits_per_byte"] == results["bits_per_byte"] < 8
    assert json.loads(run.environment_file.read_text())["versions"]["torch"]
    assert find_run(runs=tmp_path / "runs").folder == folder


def test_the_model_folder_is_whole(tmp_path, small_recipe, reporter):
    pretrain.train(small_recipe.with_settings(["samples=0", "validations=1"]), tmp_path / "run", reporter)
    model = load_model(tmp_path / "run" / "model")
    tokenizer = load_tokenizer(tmp_path / "run" / "model")
    assert model.vocab_size == tokenizer.vocab_size == 300
    config = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert config["model_type"] == "qwen3"
    assert config["eos_token_id"] == tokenizer.special_tokens["<|endoftext|>"] == 299


def test_a_finished_run_has_a_page(tmp_path, small_recipe, reporter):
    results = pretrain.train(small_recipe, tmp_path / "run", reporter)
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert f"{results['bits_per_byte']:.4f}" in text and "Update-to-weight ratio" in text
    assert results["flops"] > 0


def test_the_tokenizer_has_not_seen_held_out_text(tmp_path, small_recipe, reporter, corpus_file):
    content = corpus_file.read_text()
    corpus_file.write_text(content + "\n\n" + "qxqx qxqx\n" * 40)
    pretrain.train(small_recipe, tmp_path / "run", reporter)
    tokenizer = load_tokenizer(tmp_path / "run" / "model")
    assert not any(b"qx" in tokenizer.token_bytes(id) for id in range(299))


def test_a_finished_run_repeats_its_results_and_changes_nothing(tmp_path, small_recipe, reporter):
    results = pretrain.train(small_recipe, tmp_path / "run", reporter)
    before = contents(tmp_path / "run")
    assert pretrain.train(small_recipe, tmp_path / "run", reporter) == results
    after = contents(tmp_path / "run")
    assert {name: after[name] for name in before if name != "lock"} == {
        name: content for name, content in before.items() if name != "lock"
    }


def test_another_recipe_is_refused_and_its_differences_listed(tmp_path, small_recipe, reporter):
    pretrain.train(small_recipe, tmp_path / "run", reporter)
    before = contents(tmp_path / "run")
    other = small_recipe.with_settings(["layers=1", "seed=5"])
    with pytest.raises(TrainError, match=r"model\.layers is 2 there, 1 wanted; training\.seed is 1 there, 5 wanted"):
        pretrain.train(other, tmp_path / "run", reporter)
    after = contents(tmp_path / "run")
    before.pop("lock"), after.pop("lock")
    assert after == before


def test_another_text_is_refused(tmp_path, small_recipe, reporter, corpus_file):
    pretrain.train(small_recipe, tmp_path / "run", reporter)
    (tmp_path / "run" / "results.json").unlink()
    corpus_file.write_text(corpus_file.read_text() + "One line more.\n")
    with pytest.raises(TrainError, match="another text"):
        pretrain.train(small_recipe, tmp_path / "run", reporter)
    assert (tmp_path / "run" / "model" / "config.json").exists()


def test_a_strangers_folder_is_left_alone(tmp_path, small_recipe, reporter):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(TrainError, match="not a run folder"):
        pretrain.train(small_recipe, tmp_path / "run", reporter)
    assert (tmp_path / "run" / "thesis.txt").read_text() == "mine"


def test_a_mistake_in_preparation_leaves_nothing_behind(tmp_path, small_recipe, reporter):
    with pytest.raises(TrainError, match="vocab_size"):
        pretrain.train(small_recipe.with_settings(["vocab_size=60000"]), tmp_path / "run", reporter)
    assert not (tmp_path / "run").exists()


def test_a_process_that_died_in_preparation_is_cleared_up_after(tmp_path, small_recipe, reporter):
    run = Run(tmp_path / "run")
    run.claim(small_recipe)
    run.tokens_folder.mkdir()
    left = [
        run.tokens_folder / "training.bin.12.unfinished", run.folder / "corpus.json.1234.unfinished",
        run.folder / "recipe.toml.56.unfinished",
    ]  # fmt: skip
    for path in left:
        path.write_bytes(b"half")
    assert pretrain.train(small_recipe, tmp_path / "run", reporter)["steps"] == 12
    assert not list(run.folder.rglob("*.unfinished"))


@pytest.mark.parametrize("left", [["lock"], ["lock", ".preparing.12.unfinished"], [".preparing"]])
def test_a_process_that_died_at_the_very_beginning_is_cleared_up_after(tmp_path, small_recipe, reporter, left):
    (tmp_path / "run").mkdir()
    for name in left:
        (tmp_path / "run" / name).write_bytes(b"half a recipe")
    assert pretrain.train(small_recipe, tmp_path / "run", reporter)["steps"] == 12
    assert not list((tmp_path / "run").glob(".*"))


def test_a_run_in_progress_has_a_model(tmp_path, small_recipe):
    class Stopping:
        def start(self, recipe):
            self.recipe = recipe

        def log(self, step, row):
            if step == 7 and "loss" in row:
                signal.raise_signal(signal.SIGTERM)

        def finish(self, results):
            pytest.fail("it was stopped")

    with pytest.raises(Interrupted):
        pretrain.train(small_recipe, tmp_path / "runs" / "run", trackers=[Stopping()])
    newest = tmp_path / "runs" / "run" / "checkpoints" / "step-00000007"
    assert find_run(runs=tmp_path / "runs").newest_model == newest
    model, tokenizer = load_model(tmp_path / "runs" / "run"), load_tokenizer(newest)
    assert model.vocab_size == tokenizer.vocab_size == 300
    (newest / "config.json").unlink()
    assert find_run(runs=tmp_path / "runs").newest_model.name == "step-00000006"


def test_minutes_are_measured_into_steps_once(tmp_path, small_recipe, reporter, monkeypatch):
    monkeypatch.setattr(calibration, "CLOSING_SECONDS", 0.0)
    timed = small_recipe.with_settings(["minutes=0.1", "precision=auto", "samples=0"])
    results = pretrain.train(timed, tmp_path / "run", reporter)
    resolved = Run.open(tmp_path / "run").recipe()
    assert resolved.training.steps == results["steps"] >= 10
    assert resolved.compute.precision in ("float32", "bfloat16")
    assert resolved.training.minutes == 0.1
    assert pretrain.train(timed, tmp_path / "run", reporter) == results  # undecided agrees with what was decided


class TimedTrainer:
    """Makes no updates, but has a clock: the first update takes `first` seconds, each other one `each`."""

    def __init__(self, clock, first, each):
        self.clock, self.first, self.each, self.made, self.place = clock, first, each, 0, Place()

    def run(self, start, stop):
        for number in range(start, stop):
            self.clock[0] += self.each if number else self.first
            self.made += 1
            yield number


def calibrated(monkeypatch, recipe, **times):
    """Return what calibrate decides, and how many updates it made in each precision; none in one not asked for."""
    clock = [0.0]
    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    trainers = {name: TimedTrainer(clock, *pair) for name, pair in times.items()}
    shown = []
    seconds, way = calibrate(recipe, lambda one: trainers[one.compute.precision], shown.append)
    names = [line.removeprefix("measuring updates in ").partition(", numbers of")[0] for line in shown]
    assert names == [name for name in times if trainers[name].made]
    return (seconds, way.compute.precision), [trainer.made for trainer in trainers.values()]


@pytest.mark.parametrize(
    ("compiled", "minutes", "chosen"), [((20.0, 0.4), 4, "yes"), ((20.0, 0.79), 4, "no"), ((20.0, 0.4), 1, "no")]
)
def test_compiling_is_tried_where_it_can_pay(monkeypatch, small_recipe, compiled, minutes, chosen):
    clock = [0.0]
    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(calibration, "compiler_found", lambda: True)
    times = {"no": (1.0, 0.8), "yes": compiled}
    recipe = small_recipe.with_settings([f"minutes={minutes}", "compile=auto"])
    _, way = calibrate(recipe, lambda one: TimedTrainer(clock, *times[one.compute.compile]), lambda text: None)
    assert way.compute.compile == chosen


@pytest.mark.parametrize(
    ("bfloat16", "decision", "updates"),
    [
        ((9.5, 9.5), (0.8, "float32"), 1),  # the first update alone takes longer than five in float32
        ((2.0, 2.0), (0.8, "float32"), 4),  # can no longer win after three that count
        ((0.9, 0.9), (0.8, "float32"), 6),
        ((3.0, 0.2), (0.2, "bfloat16"), 6),  # a slow first update is not held against it
    ],
)
def test_a_precision_is_measured_while_it_can_win(monkeypatch, small_recipe, bfloat16, decision, updates):
    timed = small_recipe.with_settings(["minutes=4", "precision=auto"])
    (seconds, name), made = calibrated(monkeypatch, timed, float32=(1.0, 0.8), bfloat16=bfloat16)
    assert (pytest.approx(seconds), name) == decision
    assert made == [6, updates]


def test_fast_updates_may_begin_slowly(monkeypatch, small_recipe):
    timed = small_recipe.with_settings(["minutes=4", "precision=auto"])
    found, _ = calibrated(monkeypatch, timed, float32=(0.1, 0.01), bfloat16=(0.9, 0.005))
    assert found == (pytest.approx(0.005), "bfloat16")


def test_what_is_not_needed_is_not_measured(monkeypatch, small_recipe, tmp_path, reporter):
    both = {"float32": (1.0, 0.8), "bfloat16": (0.2, 0.2)}
    for steps, name, made in ((12, "float32", [0, 0]), (13, "bfloat16", [6, 6])):
        given = small_recipe.with_settings([f"steps={steps}", "precision=auto"])
        found, updates = calibrated(monkeypatch, given, **both)
        assert (found[1], updates) == (name, made)
    alone = small_recipe.with_settings(["minutes=4", "precision=bfloat16"])
    assert calibrated(monkeypatch, alone, **both)[1] == [0, 6]
    monkeypatch.setattr(decide, "calibrate", lambda *_: pytest.fail("steps and precision are given"))
    pretrain.train(small_recipe, tmp_path / "run", reporter)


def test_where_updates_read_more_and_more_the_last_ones_are_timed_too(monkeypatch, small_recipe):
    """From 4 rows to 8 after a quarter: the mean reads 7 rows, so it is three quarters of the way from 0.8 s to 2 s."""

    class Growing(TimedTrainer):
        def run(self, start, stop):
            self.each = 0.8 if start < 100 else 2.0
            return super().run(start, stop)

    clock = [0.0]
    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    timed = small_recipe.with_settings(["minutes=4", "batch_doublings=[0.25]"])
    seconds, _ = calibrate(timed, lambda one: Growing(clock, 1.0, 0.8), lambda text: None)
    assert seconds == pytest.approx(0.8 + 0.75 * 1.2)


def test_a_run_whose_rows_grow_is_not_compiled_unasked(monkeypatch, small_recipe):
    monkeypatch.setattr(calibration, "compiler_found", lambda: True)
    clock = [0.0]
    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    timed = small_recipe.with_settings(["minutes=4", "compile=auto", "first_length=8"])
    assert calibrate(timed, lambda one: TimedTrainer(clock, 1.0, 0.8), lambda text: None)[1].compute.compile == "no"


def test_too_little_time_is_refused(small_recipe):
    timed = small_recipe.with_settings(["minutes=0.1"])
    with pytest.raises(TrainError, match=r"at least about (\S+), was 0\.1: 3 s went into preparing") as caught:
        steps_that_fit(timed, seconds_per_step=0.5, elapsed=3, held_out_tokens=1000)
    least = str(caught.value).split("about ")[1].partition(",")[0]
    enough = small_recipe.with_settings([f"minutes={least}"])
    assert steps_that_fit(enough, seconds_per_step=0.5, elapsed=3, held_out_tokens=1000) < 10 + 6 / 0.5 + 1


def test_steps_fill_the_time_that_is_left():
    recipe = Recipe.load("shakespeare").with_settings(["minutes=4", "validations=0"])
    few = steps_that_fit(recipe, seconds_per_step=0.2, elapsed=10, held_out_tokens=130_000)
    assert 900 < few < 1200
    assert steps_that_fit(recipe, seconds_per_step=0.1, elapsed=10, held_out_tokens=130_000) > 2 * few


def test_a_folder_in_use_is_refused_and_a_dead_users_lock_is_no_lock(tmp_path, small_recipe, reporter):
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom llm_train.runs.lock import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('locked', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(TrainError, match=f"in use by another process.*{holder.pid}"):
            pretrain.train(small_recipe, tmp_path / "run", reporter)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert pretrain.train(small_recipe, tmp_path / "run", reporter)["steps"] == 12


def test_no_run_is_said_so(tmp_path):
    with pytest.raises(TrainError, match="not a run folder"):
        Run.open(tmp_path)
    with pytest.raises(TrainError, match="no trained model"):
        find_run(runs=tmp_path)


def test_a_run_is_found_by_its_name_or_its_folder(tmp_path, small_recipe):
    for name in ("tale", "novel"):
        run = Run(tmp_path / name)
        run.claim(small_recipe)
        run.resolve(small_recipe)
    assert find_run("tale", tmp_path).folder == tmp_path / "tale"
    assert find_run(tmp_path / "novel", tmp_path).folder == tmp_path / "novel"
    with pytest.raises(TrainError, match=r"no run 'tael' under .* \(did you mean tale\?\)"):
        find_run("tael", tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[data", r"is damaged \(.*\); move the run folder away$"),
        ("", r"cannot be used: data\.corpus must be given"),
        ('name = "x"\n[data]\ncorpus = "t"\n', r"cannot be used: training\.steps .* must be given\. Take the version"),
        ("[training]\nsteps = 1\nthreads = 2", r"has no training\.threads \(it is a field of \[compute\]\)"),
    ],
)
def test_a_recipe_of_a_run_that_cannot_be_read_is_named_with_its_file(tmp_path, content, said):
    run = Run(tmp_path)
    run.recipe_file.write_text(content)
    with pytest.raises(TrainError, match=r"^\S+recipe\.toml: " + "(.* )?" + said):
        run.recipe()


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_a_damaged_small_file_is_one_sentence(tmp_path, small_recipe, content):
    run = Run(tmp_path / "run")
    run.claim(small_recipe)
    run.results_file.write_bytes(content)
    with pytest.raises(TrainError, match=r"results\.json: cannot be read as a JSON object"):
        run.results()


def test_on_windows_every_process_locks_the_same_byte_which_is_not_of_the_text(tmp_path, monkeypatch):
    places = []

    def locking(descriptor, mode, count):
        places.append(os.lseek(descriptor, 0, os.SEEK_CUR))

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    for _ in range(2):
        with locked(tmp_path):
            assert (tmp_path / "lock").read_text() == f"process {os.getpid()}"
    assert places[0] == places[1] > 1000


def test_a_folder_whose_lock_cannot_be_removed_stays(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError("it is open")

    monkeypatch.setattr(Path, "unlink", refuse)
    with locked(tmp_path / "new"):
        pass
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lock"]


@pytest.mark.parametrize("size", [0, 3000, 9000])
def test_a_full_disk_in_the_preparation_is_named_and_forgotten(
    tmp_path, small_recipe, reporter, files_of_at_most, size
):
    with pytest.raises(TrainError) as failed, files_of_at_most(size):
        pretrain.train(small_recipe, tmp_path / "run", reporter)
    assert str(failed.value).startswith(str(tmp_path / "run"))
    assert f"({file_system(tmp_path)} is full)" in str(failed.value) and "the same command goes on" in str(failed.value)
    assert pretrain.train(small_recipe, tmp_path / "run", reporter)["steps"] == 12
