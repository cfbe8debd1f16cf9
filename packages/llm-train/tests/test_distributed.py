"""A small part of `nox -s distributed`: two processes on this machine, a few updates."""

import subprocess
import sys
from pathlib import Path

import pytest
from torch import distributed

sys.path.insert(0, str(Path(__file__).parents[1] / "distributed"))

from killed_runs import differing_files, wait_for_step
from layouts import LARGEST, Pair, differences, torchrun
from whole_runs import IN_PARTS, ONE, TWO, TWO_SPLIT, Runs, killed, largest_difference

from llm_train import TrainError
from llm_train.interface import EndedElsewhereError
from llm_train.place import Place
from llm_train.runs.metrics import read_metrics
from llm_train.stages.build import passes_here

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")


def test_two_processes_are_two_threads_and_a_nan_in_one_stops_both(tmp_path):
    pairs = [Pair(layout, 2, "passes", 2) for layout in ("threads", "ddp", "fsdp")]
    for one in differences(tmp_path, 3, pairs):
        assert one.largest == {"float32": 0.0, "bfloat16": 0.0}, one.pair.words
        assert one.held_back is (None if one.pair.layout == "threads" else True)


def test_a_run_goes_on_with_other_processes_and_ends_with_the_same_weights(tmp_path):
    runs = Runs(tmp_path)
    alone = runs.run("alone", ONE)
    split = runs.go_on(alone, "split", TWO_SPLIT)
    assert largest_difference(split, alone) == 0.0
    assert (split / "metrics.jsonl").read_bytes() == (alone / "metrics.jsonl").read_bytes()
    assert largest_difference(runs.go_on(split, "alone-again", ONE), alone) == 0.0


def test_a_batch_that_doubles_is_shared_out_like_any_other(tmp_path):
    runs = Runs(tmp_path, settings=["batch_doublings=[0.25, 0.5]"])
    alone = runs.run("alone", ONE)
    both = runs.go_on(alone, "both", TWO)
    assert largest_difference(both, alone) <= LARGEST["float32"]  # more than two passes are added in another order
    tokens = [[row.get("tokens") for row in read_metrics(run / "metrics.jsonl")] for run in (both, alone)]
    assert tokens[0] == tokens[1]


def test_a_checkpoint_in_parts_is_read_by_one_process(tmp_path):
    runs = Runs(tmp_path)
    parts = runs.run("parts", IN_PARTS)
    assert len(list(parts.glob("checkpoints/step-00000004/shard-*.safetensors"))) == 2
    assert not (parts / "model").exists()
    alone = runs.go_on(parts, "alone", ONE)
    assert (alone / "metrics.jsonl").read_bytes() == (parts / "metrics.jsonl").read_bytes()


def test_a_killed_process_loses_nothing(tmp_path):
    step, differing = killed(Runs(tmp_path), TWO)
    assert step >= 4
    assert differing == []


def test_a_stop_is_one_decision_of_all(tmp_path):
    runs = Runs(tmp_path)
    command = runs.command("stopped", TWO)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as launcher:
        wait_for_step(launcher, tmp_path / "stopped", 2)
        launcher.terminate()
        said = launcher.communicate()[1]
    assert said.count("everything is saved") == 1
    assert differing_files(runs.run("stopped", TWO), runs.run("undisturbed", TWO)) == []


def test_what_the_first_process_cannot_do_fails_once_and_in_one_sentence(tmp_path):
    words = ["-m", "llm_train", "--", "run", "--recipe", "tiny", "--corpus", str(tmp_path / "nothing.txt")]
    done = subprocess.run([*torchrun(2), *words, "--runs", str(tmp_path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if line.startswith("llm-train: error:")]
    assert len(said) == 1
    assert "nothing.txt" in said[0]


def test_an_update_is_shared_out_evenly_or_refused(small_recipe):
    recipe = small_recipe.with_values(processes=4, accumulate=2)
    assert passes_here(recipe, Place()) == 8
    assert passes_here(recipe, Place(1, 2)) == 4
    with pytest.raises(TrainError, match=r"8 passes .* but 3 processes were started: start 1, 2, 4, 8"):
        passes_here(recipe, Place(0, 3))


def test_one_process_does_everything_itself():
    place = Place()
    assert place.once(lambda: [1, {"a": None}]) == [1, {"a": None}]
    assert place.in_turn(lambda: 2) == 2
    assert place.share("x") == "x"
    with place.silence():
        pass
    assert issubclass(EndedElsewhereError, TrainError)
