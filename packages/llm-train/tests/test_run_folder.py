import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from llm_layers import load_model
from llm_tokenizer import load_tokenizer
from llm_train import calibration as rehearsal
from llm_train import pipeline
from llm_train.runs.calibration import steps_that_fit
from llm_train.checkpoint import steps_saved
from llm_train.interface import TrainError
from llm_train.runs.progress import Announcer
from llm_train.recipes.recipe import Recipe
from llm_train.runs.folder import Run, newest_run


@pytest.fixture
def announcer():
    with Path(os.devnull).open("w") as nowhere:
        yield Announcer(Console(file=nowhere, force_terminal=False))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_everything(tmp_path, small_recipe, announcer, monkeypatch):
    folder = tmp_path / "runs" / "small"
    monkeypatch.setattr(pipeline, "plotting_available", lambda: False)
    figures = pipeline.train(small_recipe, folder, announcer)
    run = Run.open(folder)
    assert run.finished
    assert run.figures() == figures
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "recipe.toml", "corpus.json", "environment.json", "metrics.jsonl", "figures.json", "lock",
        "tokens", "samples", "checkpoints", "model",
    }  # fmt: skip
    assert run.recipe() == small_recipe
    assert steps_saved(run.checkpoints_folder) == [9, 12]
    assert sorted(path.name for path in run.samples_folder.iterdir()) == [f"step-{step:08d}.txt" for step in (4, 8, 12)]
    rows = list(run.metrics())
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 13))
    assert [row["step"] for row in rows if "validation_loss" in row] == [3, 6, 9, 12]
    assert rows[-1]["windows"] == "all"
    assert rows[-1]["bits_per_byte"] == figures["bits_per_byte"] < 8
    assert json.loads(run.environment_file.read_text())["versions"]["torch"]
    assert newest_run(tmp_path / "runs").folder == folder


def test_the_model_folder_is_whole(tmp_path, small_recipe, announcer):
    pipeline.train(small_recipe.with_settings(["samples=0", "validations=0"]), tmp_path / "run", announcer)
    model = load_model(tmp_path / "run" / "model")
    tokenizer = load_tokenizer(tmp_path / "run" / "model")
    assert model.vocab_size == tokenizer.vocab_size == 300
    config = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert config["model_type"] == "qwen3"
    assert config["eos_token_id"] == tokenizer.special_tokens["<|endoftext|>"] == 299


def test_the_plot_is_drawn_where_it_can_be(tmp_path, small_recipe, announcer):
    pytest.importorskip("matplotlib")
    pipeline.train(small_recipe, tmp_path / "run", announcer)
    assert (tmp_path / "run" / "loss.svg").stat().st_size > 1000
    assert (tmp_path / "run" / "loss.png").read_bytes()[:4] == b"\x89PNG"


def test_the_tokenizer_has_not_seen_held_out_text(tmp_path, small_recipe, announcer, corpus_file):
    content = corpus_file.read_text()
    corpus_file.write_text(content + "\n\n" + "qxqx qxqx\n" * 40)
    pipeline.train(small_recipe, tmp_path / "run", announcer)
    tokenizer = load_tokenizer(tmp_path / "run" / "model")
    assert not any(b"qx" in tokenizer.token_bytes(id) for id in range(299))


def test_a_finished_run_repeats_its_figures_and_changes_nothing(tmp_path, small_recipe, announcer):
    figures = pipeline.train(small_recipe, tmp_path / "run", announcer)
    before = contents(tmp_path / "run")
    assert pipeline.train(small_recipe, tmp_path / "run", announcer) == figures
    after = contents(tmp_path / "run")
    assert {name: after[name] for name in before if name != "lock"} == {
        name: content for name, content in before.items() if name != "lock"
    }


def test_another_recipe_is_refused_and_its_differences_listed(tmp_path, small_recipe, announcer):
    pipeline.train(small_recipe, tmp_path / "run", announcer)
    before = contents(tmp_path / "run")
    other = small_recipe.with_settings(["layers=1", "seed=5"])
    with pytest.raises(TrainError, match=r"model\.layers is 2 there, 1 wanted; training\.seed is 1 there, 5 wanted"):
        pipeline.train(other, tmp_path / "run", announcer)
    after = contents(tmp_path / "run")
    before.pop("lock"), after.pop("lock")
    assert after == before


def test_another_text_is_refused(tmp_path, small_recipe, announcer, corpus_file):
    pipeline.train(small_recipe, tmp_path / "run", announcer)
    (tmp_path / "run" / "figures.json").unlink()
    corpus_file.write_text(corpus_file.read_text() + "One line more.\n")
    with pytest.raises(TrainError, match="another text"):
        pipeline.train(small_recipe, tmp_path / "run", announcer)
    assert (tmp_path / "run" / "model" / "config.json").exists()


def test_a_strangers_folder_is_left_alone(tmp_path, small_recipe, announcer):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(TrainError, match="no run folder"):
        pipeline.train(small_recipe, tmp_path / "run", announcer)
    assert (tmp_path / "run" / "thesis.txt").read_text() == "mine"


def test_a_mistake_in_preparation_leaves_nothing_behind(tmp_path, small_recipe, announcer):
    with pytest.raises(TrainError, match="vocabulary"):
        pipeline.train(small_recipe.with_settings(["vocabulary=60000"]), tmp_path / "run", announcer)
    assert not (tmp_path / "run").exists()


def test_a_process_that_died_in_preparation_is_cleared_up_after(tmp_path, small_recipe, announcer):
    run = Run(tmp_path / "run")
    run.claim(small_recipe)
    run.tokens_folder.mkdir()
    (run.tokens_folder / "training.bin").write_bytes(b"half")
    assert pipeline.train(small_recipe, tmp_path / "run", announcer)["steps"] == 12


def test_minutes_are_measured_into_steps_once(tmp_path, small_recipe, announcer, monkeypatch):
    monkeypatch.setattr(rehearsal, "CLOSING_SECONDS", 0.0)
    timed = small_recipe.with_settings(["minutes=0.1", "precision=auto", "samples=0"])
    figures = pipeline.train(timed, tmp_path / "run", announcer)
    resolved = Run.open(tmp_path / "run").recipe()
    assert resolved.training.steps == figures["steps"] >= 10
    assert resolved.training.precision in ("float32", "bfloat16")
    assert resolved.training.minutes == 0.1
    assert pipeline.train(timed, tmp_path / "run", announcer) == figures  # undecided agrees with what was decided


def test_too_little_time_is_refused(small_recipe):
    timed = small_recipe.with_settings(["minutes=0.1"])
    with pytest.raises(TrainError, match="give more minutes"):
        steps_that_fit(timed, seconds_per_step=0.5, elapsed=3, held_out_tokens=1000)


def test_steps_fill_the_time_that_is_left():
    recipe = Recipe.load("shakespeare").with_settings(["minutes=4", "validations=0"])
    few = steps_that_fit(recipe, seconds_per_step=0.2, elapsed=10, held_out_tokens=130_000)
    assert 900 < few < 1200
    assert steps_that_fit(recipe, seconds_per_step=0.1, elapsed=10, held_out_tokens=130_000) > 2 * few


def test_a_folder_in_use_is_refused_and_a_dead_users_lock_is_no_lock(tmp_path, small_recipe, announcer):
    script = (
        "import sys, time\nfrom llm_train.runs.folder import Run\n"
        "with Run(sys.argv[1]).locked():\n    print('locked', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(TrainError, match=f"in use by another process.*{holder.pid}"):
            pipeline.train(small_recipe, tmp_path / "run", announcer)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert pipeline.train(small_recipe, tmp_path / "run", announcer)["steps"] == 12


def test_no_run_is_said_so(tmp_path):
    with pytest.raises(TrainError, match="no run folder"):
        Run.open(tmp_path)
    with pytest.raises(TrainError, match="no trained model"):
        newest_run(tmp_path)
