"""What cannot be recorded is refused; that what is recorded gives the logits is shown in parity/test_export.py."""

import sys

import pytest
import torch

from llm_layers import Decoder, Experts, LayersError
from llm_layers.config import QWEN3_MOE
from llm_layers.formats.onnx import export_onnx


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
    with pytest.raises(LayersError, match="onnxscript, which is not installed: run `pip install onnx onnxscript`"):
        export_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    assert model.training  # the model itself is not changed
    assert all(weight.requires_grad for weight in model.parameters())
