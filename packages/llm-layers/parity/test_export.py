"""A recorded model in onnxruntime: a process without torch and without our packages gives the same logits."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch

from llm_layers import Decoder, ModelConfig
from llm_layers.config import GEMMA3, GPT2, LLAMA, QWEN3
from llm_layers.formats.onnx import export_onnx

ELSEWHERE = """
import sys
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
assert not {"torch", "llm_layers", "onnx"} & set(sys.modules)
inputs = np.load(sys.argv[2])
np.savez(sys.argv[3], **{name: session.run(["logits"], {"tokens": inputs[name]})[0] for name in inputs.files})
"""
SHAPE = {"vocab_size": 61, "d_model": 24, "layers": 2, "heads": 4, "kv_heads": 2, "d_head": 6, "d_ff": 40}
FAMILIES = {
    "qwen3": (QWEN3, {"tied_embeddings": True}),
    "llama": (LLAMA, {}),
    "gpt2": (GPT2, {"kv_heads": 4}),
    "gemma3": (GEMMA3, {"window": 5, "global_layers": (1,), "local_rope_base": 100.0, "final_logit_softcap": 5.0}),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_onnxruntime_gives_our_logits(tmp_path, family):
    design, changes = FAMILIES[family]
    model = Decoder(ModelConfig(**(SHAPE | changes), context_length=48, design=design))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.3, generator=generator)
    file = tmp_path / "model.onnx"
    export_onnx(model, file)
    onnx.checker.check_model(str(file), full_check=True)
    assert b"/llm_layers/" not in file.read_bytes()  # no paths of the machine that wrote it
    shapes = {"one": (1, 1), "some": (3, 17), "long": (1, 48), "wide": (7, 2)}  # none is that of the recording
    tokens = {name: torch.randint(0, 61, shape, generator=generator) for name, shape in shapes.items()}
    np.savez(tmp_path / "inputs.npz", **{name: each.numpy() for name, each in tokens.items()})
    arguments = [str(tmp_path / name) for name in ("model.onnx", "inputs.npz", "outputs.npz")]
    subprocess.run([sys.executable, "-c", ELSEWHERE, *arguments], check=True, cwd=tmp_path)
    found = np.load(tmp_path / "outputs.npz")
    with torch.inference_mode():
        differences = {name: np.abs(found[name] - model(each).numpy()).max() for name, each in tokens.items()}
    print(f"{family}: largest difference of a logit {max(differences.values()):.2g}")
    assert max(differences.values()) < 1e-4
    assert found["some"].std() > 0.1
