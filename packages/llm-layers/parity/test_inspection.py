"""Our code and that of transformers side by side: every named tensor, forward and backward."""

import json

import pytest
import torch
from test_families import FAMILIES, foreign_model

from llm_layers import first_divergence, load_model, load_transformers
from llm_layers.commands.main import main

IDS = torch.tensor([[3, 11, 7, 28, 0, 11, 19, 5, 2, 23, 41, 60, 8, 3]])


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_agrees_tensor_by_tensor(tmp_path, name):
    foreign_model(name).save_pretrained(tmp_path)
    model = load_model(tmp_path)
    found = first_divergence(model, load_transformers(tmp_path), IDS)
    assert found.equal, found.first
    points = {part.name for part in found.compared if part.kind == "value"}
    for part in ("attention.query", "attention.rot_k", "attention.pattern", "attention.z", "resid_mid"):
        assert f"blocks.{model.config.layers - 1}.{part}" in points
    assert sum(part.kind == "gradient" for part in found.compared) > 40


OTHER_BASE = {"rope_type": "default", "rope_theta": 777.0}


def settings_changed(folder, **changes):
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | changes))


@pytest.mark.parametrize(
    ("name", "changes", "first", "cause"),
    [
        ("qwen3", {"rope_parameters": OTHER_BASE}, "rot_q", "another rotary base"),
        ("llama 2", {"rms_norm_eps": 1e-3}, "attention_norm", "another epsilon"),
        ("gemma3", {"sliding_window": 6}, "mask", "one too wide"),
        ("gemma3", {"query_pre_attn_scalar": 8}, "rot_q", "another score scale"),
        ("qwen3-moe", {"norm_topk_prob": False}, "feed_forward.output", "never normalized"),
    ],
)
def test_a_setting_that_transformers_reads_otherwise_is_found(tmp_path, name, changes, first, cause):
    foreign_model(name).save_pretrained(tmp_path)
    model = load_model(tmp_path)
    settings_changed(tmp_path, **changes)
    found = first_divergence(model, load_transformers(tmp_path), IDS)
    assert found.first is not None
    assert found.first.name.endswith(first)
    assert found.cause == cause


def test_a_fault_in_their_code_is_found(tmp_path, monkeypatch):
    """Neighbors as rotary pairs, as in the first GPT-J code."""
    from transformers.models.qwen3 import modeling_qwen3

    foreign_model("qwen3").save_pretrained(tmp_path)

    def rotate(query, key, cosine, sine, **options):
        def one(x):
            half = x.shape[-1] // 2
            c, s = cosine[:, None, :, :half], sine[:, None, :, :half]
            even, odd = x[..., ::2], x[..., 1::2]
            return torch.stack((even * c - odd * s, odd * c + even * s), dim=-1).flatten(-2)

        return one(query), one(key)

    monkeypatch.setattr(modeling_qwen3, "apply_rotary_pos_emb", rotate)
    found = first_divergence(load_model(tmp_path), load_transformers(tmp_path), IDS)
    assert found.first is not None
    assert (found.first.name, found.cause) == ("blocks.0.attention.rot_q", "neighbors paired")


def test_the_command_runs_transformers(tmp_path, capsys):
    foreign_model("smollm2").save_pretrained(tmp_path)
    assert main(["compare", str(tmp_path), f"transformers:{tmp_path}"]) == 0
    assert "in float32" in capsys.readouterr().out
    assert main(["compare", str(tmp_path), f"transformers:{tmp_path / 'nowhere'}"]) == 2
