"""A batch that doubles and rows that grow: what an update reads, and what is said about it before and after."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch

from llm_train.data.batch import Batch
from llm_train.interface import TrainError
from llm_train.place import Place
from llm_train.recipes.growth import length_of, mean_seconds, mean_tokens, passes_of, spans, tokens_read
from llm_train.reports.history import load_history
from llm_train.runs.folder import Run
from llm_train.schedule import batch_size
from llm_train.stages.build import build_backend, build_model, flops_per_token
from llm_train.stages.estimate import estimate
from llm_train.stages.pretrain import train
from llm_train.stages.profiling import profile_updates
from llm_train.trainer import Trainer

GROWTH = ["batch_doublings=[0.25, 0.5]", "first_length=8", "length_multiple=8"]


@pytest.fixture
def growing(small_recipe):
    return small_recipe.with_settings(GROWTH)


def rows_of(folder):
    return [row for row in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()) if "loss" in row]


def test_an_update_is_a_function_of_its_number(growing):
    passes, length = passes_of(growing, 3), length_of(growing)
    assert [passes(step) for step in range(8)] == [
        (3, 0), (3, 3), (3, 6), (6, 9), (6, 15), (6, 21), (12, 27), (12, 39),
    ]  # fmt: skip
    assert [length(step) for step in range(8)] == [8, 8, 16, 16, 24, 24, 32, 32]


@pytest.mark.parametrize("settings", [[], GROWTH[:1], GROWTH[1:], GROWTH, [*GROWTH, "processes=2", "accumulate=3"]])
@pytest.mark.parametrize("updates", [1, 5, 12])
def test_what_is_read_is_the_sum_over_the_updates(small_recipe, settings, updates):
    recipe = small_recipe.with_settings(settings)
    passes, length = passes_of(recipe, recipe.passes_per_update), length_of(recipe)
    assert tokens_read(recipe, updates) == sum(passes(step)[0] * 4 * length(step) for step in range(updates))
    assert dict(spans(recipe, updates)).keys() == {length(step) for step in range(updates)}


def test_seconds_lie_on_the_line_from_the_first_update_to_the_last(growing, small_recipe):
    mean = mean_tokens(growing)
    assert mean == tokens_read(growing, 12) / 12
    assert mean_seconds(growing, 1.0, 3.0) == pytest.approx(1 + 2 * (mean - 4 * 8) / (16 * 32 - 4 * 8))
    assert mean_seconds(small_recipe, 1.0, 3.0) == 1.0


@pytest.mark.parametrize("world", [1, 2, 4])
def test_processes_share_out_the_same_passes(world):
    accumulate = partial(batch_size, sizes=[4 // world, 8 // world], stage_steps=[2])
    places = [Place(rank, world) for rank in range(world)]
    trainers = [Trainer(None, None, None, None, accumulate=accumulate, place=place) for place in places]
    for number, wanted in enumerate((range(4), range(4, 8), range(8, 16), range(16, 24))):
        shared = [one for trainer in trainers for one in trainer.passes(number)]
        assert sorted(shared) == [*wanted]


def test_shorter_rows_keep_what_is_left_of_them():
    given = torch.arange(24).reshape(4, 6)
    batch = Batch(
        tokens=given, targets=given + 1, weights=given.float(), documents=given // 3, row_keys=torch.arange(4)
    )
    cut = batch.cut(2)
    assert torch.equal(cut.tokens, given[:, :2]) and torch.equal(cut.targets, given[:, :2] + 1)
    assert torch.equal(cut.weights, given[:, :2].float()) and torch.equal(cut.documents, given[:, :2] // 3)
    assert torch.equal(cut.row_keys, batch.row_keys)
    assert torch.equal(batch.cut(6).tokens, given)
    with pytest.raises(TrainError, match=r"extras \(scores\) cannot be cut"):
        replace(batch, extras={"scores": torch.zeros(4)}).cut(2)


@pytest.mark.parametrize("more", [[], ["windows=packed", "mask_documents=true"]])
def test_a_dry_run_predicts_what_the_run_then_does(tmp_path, growing, reporter, more):
    recipe = growing.with_settings(more)
    predicted = estimate(recipe, tmp_path / "run", reporter)
    results = train(recipe, tmp_path / "run", reporter)
    rows, per_token = rows_of(tmp_path / "run"), flops_per_token(recipe)
    counted = [row["tokens"] - before["tokens"] for before, row in zip([{"tokens": 0}, *rows], rows, strict=False)]
    assert results["tokens"] == sum(counted)
    assert results["flops"] == sum(count * per_token(step) for step, count in enumerate(counted, 1))
    assert per_token(1) < per_token(12)
    if not more:  # otherwise some targets do not count
        assert (predicted.tokens, predicted.flops) == (results["tokens"], results["flops"])
        assert counted == [4 * 8, 4 * 8, 4 * 16, 8 * 16, 8 * 24, 8 * 24, *[16 * 32] * 6]
    assert predicted.tokens == tokens_read(recipe, 12) >= results["tokens"]
    assert predicted.tokens_per_second == pytest.approx(predicted.tokens / 12 / predicted.seconds_per_step)
    history = load_history(Run(tmp_path / "run"))
    assert history.curve("loss", "flops")[-1][0] == results["flops"]
    assert history.curve("validation_loss", "tokens", validation=True)[-1][0] == results["tokens"]


def test_threads_and_passes_are_ways_to_cut_the_same_growing_batch(tmp_path, growing, reporter):
    ways = {"whole": [], "threads": ["threads=2"], "passes": ["batch=1", "accumulate=4"]}
    logs = {}
    for name, settings in ways.items():
        train(growing.with_settings([*settings, "dropout=0.1"]), tmp_path / name, reporter)
        logs[name] = rows_of(tmp_path / name)
    for name in ("threads", "passes"):
        for row, wanted in zip(logs[name], logs["whole"], strict=True):
            assert row["tokens"] == wanted["tokens"]
            assert row["loss"] == pytest.approx(wanted["loss"], abs=1e-3)


def test_compiling_each_length_anew_is_refused(growing):
    recipe = growing.with_values(compile="yes")
    with pytest.raises(TrainError, match=r"compute\.compile must be no or auto .*schedule\.first_length"):
        build_backend(recipe, build_model(recipe))


def test_a_profile_is_of_the_first_batch_and_whole_rows(tmp_path, growing, reporter):
    seen = profile_updates(growing, tmp_path / "run", tmp_path / "trace.json", reporter, updates=1)
    assert seen.tokens == 4 * 32
