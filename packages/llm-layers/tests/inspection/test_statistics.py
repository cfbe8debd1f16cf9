from __future__ import annotations

import math

import pytest
import torch
from small_models import FAMILIES, SHAPE, family

from llm_layers import Decoder, ModelConfig, layer_statistics
from llm_layers.inspection import find_issues, record, statistics_picture
from llm_layers.inspection.statistics import tensor_statistics
from llm_layers.inspection.table import statistics_table


def named(model: Decoder, ids: torch.Tensor) -> dict[str, str]:
    return {issue.name: issue.where for issue in find_issues(layer_statistics(model, ids))}


def test_the_statistics_of_a_tensor():
    spread = tensor_statistics("x", torch.tensor([0.0, 3.0, -4.0, math.nan, math.inf, 0.0]))
    assert spread.rms == pytest.approx(2.5)
    assert spread.mean == pytest.approx(-0.25)
    assert spread.largest == 4.0
    assert spread.zeros == pytest.approx(1 / 3)
    assert spread.not_finite == pytest.approx(1 / 3)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_sound_model_is_measured_and_no_issue_is_found(name, ids):
    model = family(name)
    measured = layer_statistics(model, ids)
    recording = record(model, ids)
    assert measured.loss == recording.loss
    for point in ("blocks.1.resid_pre", "blocks.2.attention.output", "logits"):
        assert measured.outputs[point].rms == pytest.approx(recording.values[point].square().mean().sqrt().item())
        assert measured.gradients[point].largest == pytest.approx(recording.gradients[point].abs().max().item())
    assert measured.weight_gradients.keys() == dict(model.named_parameters()).keys()
    assert find_issues(measured) == []
    table = statistics_table(measured, [], everything=True)
    assert "blocks.2.attention.z" in table
    assert "no issues found" in table
    for axes in statistics_picture(measured).axes:
        stream = axes.get_lines()[0]
        assert (stream.get_label(), stream.get_xdata().tolist()) == ("stream", [0, 1, 2, 3])


def test_the_first_place_that_is_not_finite_is_named(ids):
    model = family("llama")
    with torch.no_grad():
        model.blocks[1].feed_forward.down.weight[0, 0] = math.inf
    found = named(model, ids)
    assert found["not finite"] == "blocks.1.feed_forward.down.weight"
    model = family("llama")
    model.blocks[2].attention.attend = lambda query, key, value, mask: query * math.nan
    assert named(model, ids)["not finite"] == "blocks.2.attention.z"


def test_a_gradient_alone_can_be_the_first(ids):
    model = family("llama")
    model.blocks[1].feed_forward_norm.register_full_backward_hook(lambda module, back, out: (back[0] * math.nan,))
    found = named(model, ids)
    assert found["not finite"] == "blocks.1.resid_mid"


def test_growth_is_found_where_it_begins(ids):
    torch.manual_seed(0)
    model = Decoder(ModelConfig(**{**SHAPE, "layers": 6}))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.2)
            if name.endswith("down.weight") and name.startswith(("blocks.3", "blocks.4")):
                weight.mul_(3000)
    found = named(model, ids)
    assert found["exploding activations"] == "blocks.4.resid_pre"


@pytest.mark.parametrize(("factor", "name"), [(100, "exploding gradients"), (0.001, "vanishing gradients")])
def test_gradients_that_run_away_are_found_where_it_begins(factor, name, ids):
    model = family("llama")
    for block in model.blocks[:2]:
        block.register_full_backward_hook(lambda module, back, out: (back[0] * factor, *back[1:]))
    assert named(model, ids)[name] == "blocks.1.resid_pre"


def test_dead_units_and_silent_parts_are_found(ids):
    model = family("llama")
    with torch.no_grad():
        model.blocks[1].feed_forward.up.weight[:-1].zero_()
    assert named(model, ids)["dead units"] == "blocks.1.feed_forward.post"
    fresh = Decoder(ModelConfig(**SHAPE))  # starts with branches that give zeros
    assert named(fresh, ids)["silent layer"] == "blocks.0.attention.output"


def test_overflow_is_announced(ids):
    model = family("llama")
    with torch.no_grad():
        model.blocks[0].feed_forward.down.weight.mul_(1e37)
    found = named(model, ids)
    assert found["near overflow"] == "blocks.0.feed_forward.output"
    assert found["exploding activations"] == "blocks.1.resid_pre"
