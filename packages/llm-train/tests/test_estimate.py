import json
import os

import pytest
import torch

from llm_train.backends.threads import worker_threads
from llm_train.commands.main import main
from llm_train.runs.folder import Run
from llm_train.runs.peak import peak_flops
from llm_train.stages.estimate import estimate
from llm_train.stages.pretrain import train
from llm_train.stages.profiling import KINDS, profile_updates


def command(tmp_path, capsys, *words):
    try:
        status = main([*words, "--runs", str(tmp_path / "runs")])
    except SystemExit as end:
        status = end.code
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_a_prediction_counts_what_then_happens(tmp_path, small_recipe, reporter):
    predicted = estimate(small_recipe, tmp_path / "runs" / "small", reporter)
    assert not (tmp_path / "runs").exists() and os.listdir(tmp_path) == ["play.txt"]
    results = train(small_recipe, tmp_path / "runs" / "small", reporter)
    assert (predicted.steps, predicted.tokens) == (results["steps"], results["tokens"]) == (12, 12 * 4 * 32)
    assert predicted.parameters == results["parameters"]
    assert predicted.precision == results["precision"]
    # 3 products for each of the 2 x 32 x (32 + 16 + 16 + 32) + 3 x 32 x 48 weights of a block and the 300 x 32 of the
    # head, two FLOPs each; and the scores and values of 32 positions
    matrices = 2 * (32 * 16 * 2 * (2 + 1) + 3 * 32 * 48) + 300 * 32
    assert predicted.flops == 3 * (2 * matrices + 2 * 4 * 2 * 16 * 32) * predicted.tokens
    assert predicted.seconds == pytest.approx(sum(predicted.seconds_by_stage.values()))
    assert all(seconds >= 0 for seconds in predicted.seconds_by_stage.values())
    # what a run does once is timed under the run's own names
    assert {"start-up", "text", "tokenizer", "tokens", "model"} <= set(results["seconds_by_stage"])
    assert {"start-up", "text", "tokenizer", "tokens", "model"} <= set(predicted.seconds_by_stage)
    assert predicted.tokens_per_second == pytest.approx(4 * 32 / predicted.seconds_per_step)
    flops_per_second = predicted.flops / predicted.steps / predicted.seconds_per_step
    assert predicted.model_flops_utilization == pytest.approx(flops_per_second / predicted.peak_flops_per_second)


def test_more_of_everything_is_predicted_to_take_longer(tmp_path, small_recipe, reporter):
    def seconds(**values):
        return estimate(small_recipe.with_values(**values), tmp_path / "run", reporter).seconds_by_stage

    few = seconds(validations=1, samples=0, checkpoints=0, steps=10)
    many = seconds(validations=400, samples=99, checkpoints=99, steps=10_000)
    for name, factor in {"updates": 100, "validations": 40, "samples": 10, "checkpoints": 10}.items():
        assert many[name] > factor * few[name], name


def test_minutes_become_steps_in_a_prediction_too(tmp_path, small_recipe, reporter):
    predicted = estimate(small_recipe.with_values(minutes=5.0), tmp_path / "run", reporter)
    assert predicted.steps > 100
    assert predicted.tokens == predicted.steps * 4 * 32


def test_the_peak_is_a_rate_and_more_workers_do_not_lower_it_to_nothing():
    for count in (1, 2):
        with worker_threads(count) as workers:
            assert peak_flops(torch.float32, workers) > 1e7


def test_a_dry_run_prints_what_it_predicts_and_leaves_nothing(tmp_path, capsys, recipe_file):
    status, output, errors = command(tmp_path, capsys, "run", "--recipe", str(recipe_file), "--dry-run")
    assert (status, errors) == (0, "")
    names = [line.split()[0] for line in output.splitlines()[-6:]]
    assert names == ["parameters", "updates", "tokens", "FLOPs", "memory", "time"]
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_as_json_is_json_alone(tmp_path, capsys, recipe_file):
    status, output, errors = command(tmp_path, capsys, "run", "--recipe", str(recipe_file), "--dry-run", "--json")
    predicted = json.loads(output)
    assert (status, predicted["steps"], predicted["recipe"]) == (0, 12, "small")
    assert "a rehearsal: nothing of it is kept" in errors
    assert not (tmp_path / "runs").exists()


def test_json_without_a_dry_run_is_refused(tmp_path, capsys, recipe_file):
    status, _, errors = command(tmp_path, capsys, "run", "--recipe", str(recipe_file), "--json")
    assert status == 2 and "--dry-run" in errors and errors.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_does_not_touch_the_run_that_is_there(tmp_path, capsys, recipe_file, small_recipe, reporter):
    train(small_recipe, tmp_path / "runs" / "small", reporter)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert command(tmp_path, capsys, "run", "--recipe", str(recipe_file), "--dry-run")[0] == 0
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert before == after


def test_a_profile_has_a_trace_and_all_of_its_time_in_the_table(tmp_path, small_recipe, reporter):
    seen = profile_updates(small_recipe, tmp_path / "run", tmp_path / "trace.json", reporter, updates=2)
    trace = json.loads((tmp_path / "trace.json").read_text())
    names = {event.get("name") for event in trace["traceEvents"]}
    assert {"optimizer", "aten::mm"} <= names
    assert set(seen.seconds) <= {*KINDS, "optimizer", "other"}
    for kind in ("products", "attention", "optimizer", "copies"):
        assert seen.seconds[kind] > 0, kind
    assert sum(seen.seconds.values()) == pytest.approx(sum(seen.operations.values()))
    assert list(seen.seconds.values()) == sorted(seen.seconds.values(), reverse=True)
    assert seen.tokens == 4 * 32
    assert sorted(os.listdir(tmp_path)) == ["play.txt", "trace.json"]


def test_the_profile_command_writes_beside_the_runs(tmp_path, capsys, recipe_file):
    status, output, _ = command(tmp_path, capsys, "profile", "--recipe", str(recipe_file), "--updates", "1")
    assert status == 0
    assert "kind of work" in output and "products" in output and str(tmp_path / "runs" / "profile.json") in output
    assert os.listdir(tmp_path / "runs") == ["profile.json"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--updates", "0"], "--updates must be at least 1"),
        (["--recipe", "tyni"], "did you mean tiny?"),
        (["--set", "layrs=2"], "did you mean layers?"),
        (["--output", "/dev/null/x.json"], "cannot be written"),
    ],
)
def test_a_profile_that_cannot_be_is_one_sentence(tmp_path, capsys, recipe_file, words, said):
    recipe = [] if "--recipe" in words else ["--recipe", str(recipe_file)]
    status, _, errors = command(tmp_path, capsys, "profile", *recipe, *words)
    assert status == 2 and said in errors and errors.count("\n") == 1


def test_a_run_whose_folder_cannot_be_is_refused_by_a_rehearsal_too(tmp_path, capsys, recipe_file):
    status, _, errors = command(tmp_path, capsys, "run", "--recipe", str(recipe_file), "--dry-run", "--run", "../x")
    assert status == 2 and "plain name" in errors
    assert Run(tmp_path / "x").finished is False


@pytest.mark.parametrize("verb", [["run", "--dry-run"], ["profile"]])
def test_a_rehearsal_by_several_processes_is_refused(tmp_path, capsys, monkeypatch, recipe_file, verb):
    monkeypatch.setenv("WORLD_SIZE", "2")
    status, _, errors = command(tmp_path, capsys, *verb, "--recipe", str(recipe_file))
    assert status == 2 and "for one process: start the command without torchrun" in errors
