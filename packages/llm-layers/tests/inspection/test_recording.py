from __future__ import annotations

from unittest import mock

import pytest
import torch
from small_models import FAMILIES, family
from torch.nn import functional as F

from llm_layers import LayersError, attention_maps, first_divergence, layer_statistics, logit_lens
from llm_layers.inspection import record
from llm_layers.inspection.flow import flow
from llm_layers.inspection.recording import Recorder


@pytest.mark.parametrize("name", FAMILIES)
def test_every_step_fits_the_next_and_the_model_is_left_as_it_was(name, ids):
    model = family(name).double().train()
    attends = [block.attention.attend for block in model.blocks]
    found = record(model, ids)
    assert model.training
    assert [block.attention.attend for block in model.blocks] == attends
    with mock.patch.object(Recorder, "keep") as keep:
        model(ids)
    keep.assert_not_called()
    assert all(weight.grad is None for weight in model.parameters())

    order = flow(model.config.layers)
    assert list(found.values) == [point for point in order if point in found.values]
    assert torch.equal(found.values["logits"], model.eval()(ids))
    value = found.values
    for layer in range(3):
        stem = f"blocks.{layer}."
        branch = value.get(f"{stem}attention_output_norm", value[f"{stem}attention.output"])
        torch.testing.assert_close(value[f"{stem}resid_pre"] + branch, value[f"{stem}resid_mid"])
        output = model.blocks[layer].attention.output
        torch.testing.assert_close(output(value[f"{stem}attention.z"]), value[f"{stem}attention.output"])
        pattern = value[f"{stem}attention.pattern"]
        torch.testing.assert_close(pattern.sum(-1), torch.ones_like(pattern[..., 0]))
        assert value[f"{stem}attention.rot_q"].shape == (1, model.config.heads, 10, model.config.d_head)
        if name != "qwen3_moe":
            inner = value[f"{stem}feed_forward.post"]
            torch.testing.assert_close(
                model.blocks[layer].feed_forward.down(inner), value[f"{stem}feed_forward.output"]
            )


@pytest.mark.parametrize("name", FAMILIES)
def test_the_gradients_are_those_of_the_loss(name, ids):
    model = family(name).double()
    found = record(model, ids)
    F.cross_entropy(model(ids)[0, :-1], ids[0, 1:]).backward()
    assert found.weight_gradients.keys() == dict(model.named_parameters()).keys()
    for weight_name, weight in model.named_parameters():
        torch.testing.assert_close(found.weight_gradients[weight_name], weight.grad)
    # a linear layer's gradient is made of its input and the gradient of its output
    stem = "blocks.1.attention."
    made = found.gradients[f"{stem}output"][0].mT @ found.values[f"{stem}z"][0]
    torch.testing.assert_close(made, found.weight_gradients[f"{stem}output.weight"])


def test_the_loss_of_a_bfloat16_model_is_computed_in_float32(ids):
    found = record(family("qwen3").bfloat16(), ids)
    exact = F.cross_entropy(found.values["logits"][0, :-1].double(), ids[0, 1:])
    assert found.loss == pytest.approx(exact.item(), rel=1e-6)


def test_an_error_on_the_way_leaves_nothing_behind(ids):
    model = family("qwen3").train()

    def fail(*inputs: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("planted")

    model.blocks[1].attention.attend = fail
    first = model.blocks[0].attention.attend
    with pytest.raises(RuntimeError, match="planted"):
        record(model, ids)
    assert model.blocks[1].attention.attend is fail
    assert model.blocks[0].attention.attend is first
    assert model.training
    model.blocks[1].attention.attend = first
    with mock.patch.object(Recorder, "keep") as keep:
        model(ids)
    keep.assert_not_called()


@pytest.mark.parametrize("shape", [(1, 0), (0, 5), (0, 0)], ids=str)
@pytest.mark.parametrize("look", [attention_maps, logit_lens, layer_statistics, first_divergence])
def test_a_text_of_no_token_is_refused_by_all(look, shape):
    models = [family("llama")] * (2 if look is first_divergence else 1)
    with pytest.raises(LayersError, match=r"the text must have at least \d tokens?, but has 0"):
        look(*models, torch.zeros(shape, dtype=torch.long))
