"""What is recorded gives the logits of the model; that it runs elsewhere is shown in parity/test_export.py."""

import sys

import pytest
import torch

from llm_layers import Decoder, Experts, LayersError, LinearScaling
from llm_layers.config import GEMMA3, GPT2, LLAMA, OLMO2, QWEN2, QWEN3, QWEN3_MOE
from llm_layers.formats.onnx import WithoutCache, export_onnx

FAMILIES = {
    "qwen3": (QWEN3, {"tied_embeddings": True}),
    "qwen2": (QWEN2, {}),
    "llama": (LLAMA, {"rope_scaling": LinearScaling(factor=2.0)}),
    "olmo2": (OLMO2, {}),
    "gpt2": (GPT2, {"d_head": 3}),
    "gemma3": (GEMMA3, {"window": 4, "global_layers": (1,), "local_rope_base": 100.0, "final_logit_softcap": 3.0}),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("length", [1, 17])
def test_without_the_cache_it_is_the_same_model(family, length, small_config, random_model, tokens):
    design, changes = FAMILIES[family]
    model = random_model(small_config(**changes, design=design))
    assert torch.equal(WithoutCache(model)(tokens[:, :length]), model(tokens[:, :length]))


def test_what_cannot_be_recorded_is_refused(tmp_path, model, small_config, monkeypatch):
    experts = Experts(count=3, per_token=1, d_expert=4)
    with pytest.raises(LayersError, match="must have no experts"):
        export_onnx(Decoder(small_config(experts=experts, design=QWEN3_MOE)), tmp_path / "model.onnx")
    with pytest.raises(LayersError, match=r"path must end with \.onnx"):
        export_onnx(model, tmp_path / "model.pt2")
    with monkeypatch.context() as patch:
        patch.setattr("llm_layers.formats.onnx.LARGEST", 100)
        with pytest.raises(LayersError, match="must take at most 100 bytes"):
            export_onnx(model, tmp_path / "model.onnx")
    model.extra = torch.nn.Linear(1, 1)
    with pytest.raises(LayersError, match=r"differs .* in extra\.bias"):
        export_onnx(model, tmp_path / "model.onnx")
    del model.extra
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(LayersError, match=r"pip install 'llm-layers\[export\]'"):
        export_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    assert model.training  # the model itself is not changed
    assert all(weight.requires_grad for weight in model.parameters())
