"""Every public family, both ways: what transformers saves here, what we save there; the same logits."""

import json
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from llm_layers import load_model, save_model

SMALL = {
    "vocab_size": 61,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": 1,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN = {"rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "original_max_position_embeddings": 16}
LINEAR = {"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0}
PLAIN = {"rope_type": "default", "rope_theta": 500.0}
GEMMA = {"head_dim": 8, "sliding_window": 5, "num_hidden_layers": 7, "query_pre_attn_scalar": 10}
MOE = {"num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 12, "head_dim": 8}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2", {"tie_word_embeddings": True}),
    "gpt2 untied, n_inner": ("GPT2", {"tie_word_embeddings": False, "n_inner": 36}),
    "llama 2": ("Llama", {"rope_parameters": PLAIN}),
    "llama 3": ("Llama", {"rope_parameters": LLAMA3}),
    "smollm2": ("Llama", {"rope_parameters": PLAIN, "tie_word_embeddings": True}),
    "llama, yarn": ("Llama", {"rope_parameters": YARN}),
    "llama, linear": ("Llama", {"rope_parameters": LINEAR, "head_dim": 10}),
    "mistral": ("Mistral", {"rope_parameters": PLAIN, "sliding_window": None}),
    "mistral, window": ("Mistral", {"rope_parameters": PLAIN, "sliding_window": 6}),
    "qwen2": ("Qwen2", {"rope_parameters": PLAIN}),
    "qwen2, windows from a block on": (
        "Qwen2",
        {"rope_parameters": PLAIN, "use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1},
    ),
    "qwen3, windows by name": (
        "Qwen3",
        {
            "rope_parameters": PLAIN,
            "use_sliding_window": True,
            "sliding_window": 6,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "max_window_layers": 3,
            "head_dim": 10,
        },
    ),
    "qwen3-moe, window": (
        "Qwen3Moe",
        {"rope_parameters": PLAIN, "use_sliding_window": True, "sliding_window": 6, **MOE},
    ),
    "mistral, window by default": ("Mistral", {"rope_parameters": PLAIN}),
    "llama, yarn, two factors": ("Llama", {"rope_parameters": {**YARN, "mscale": 1.0, "mscale_all_dim": 0.7}}),
    "qwen2, tied": ("Qwen2", {"rope_parameters": PLAIN, "tie_word_embeddings": True}),
    "qwen3": ("Qwen3", {"rope_parameters": PLAIN, "head_dim": 10}),
    "qwen3, yarn": ("Qwen3", {"rope_parameters": YARN, "head_dim": 10}),
    "qwen3-moe": ("Qwen3Moe", {"rope_parameters": PLAIN, "norm_topk_prob": True, **MOE}),
    "qwen3-moe, weights as they are": ("Qwen3Moe", {"rope_parameters": PLAIN, "norm_topk_prob": False, **MOE}),
    "olmo2": ("Olmo2", {"rope_parameters": PLAIN}),
    "olmo2, many heads": ("Olmo2", {"rope_parameters": PLAIN, "num_key_value_heads": 4}),
    "gemma3": ("Gemma3", GEMMA),
    "gemma3, scaled": ("Gemma3", {**GEMMA, "rope_parameters": {"full_attention": LINEAR, "sliding_attention": PLAIN}}),
}


def foreign_model(name: str) -> Any:
    """A random model of transformers, small enough to run at once."""
    family, changes = FAMILIES[name]
    settings = {**SMALL, **changes}
    if family == "GPT2":
        del settings["intermediate_size"], settings["num_key_value_heads"]
        settings |= {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    config_class = getattr(transformers, {"Gemma3": "Gemma3Text"}.get(family, family) + "Config")
    model_class = getattr(transformers, {"GPT2": "GPT2LMHeadModel"}.get(family, f"{family}ForCausalLM"))
    torch.manual_seed(sum(map(ord, name)))
    model = model_class(config_class(**settings)).eval()
    with torch.no_grad():  # norms that do something, biases that are not zero
        for weight in model.parameters():
            if weight.dim() == 1:
                weight.add_(torch.randn_like(weight) * 0.3)
    return model


def tokens(seed: int = 0) -> torch.Tensor:
    return torch.randint(0, SMALL["vocab_size"], (2, 40), generator=torch.Generator().manual_seed(seed))


def assert_logits_agree(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)
    assert ours.std() > 0.1, "logits that are all alike would agree by accident"


@pytest.mark.parametrize("name", FAMILIES)
def test_we_load_what_transformers_saves_and_back(tmp_path, name):
    theirs = foreign_model(name)
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="20KB" if "," in name else "5GB")
    ours = load_model(tmp_path / "theirs")
    with torch.inference_mode():
        assert_logits_agree(ours(tokens()), theirs(tokens()).logits)
        # token by token through the cache, over the edge of the windows
        cache = ours.new_cache()
        steps = [ours(tokens()[:, :7], cache)] + [ours(tokens()[:, i : i + 1], cache) for i in range(7, 40)]
        torch.testing.assert_close(torch.cat(steps, dim=1), ours(tokens()), rtol=0, atol=1e-5)
    save_model(ours, tmp_path / "ours", eos_token_id=1)
    again, report = AutoModelForCausalLM.from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert type(again) is type(theirs)
    assert not any(report.values()), report
    for (name_there, weight), (name_here, same) in zip(
        theirs.named_parameters(), again.named_parameters(), strict=True
    ):
        assert name_there == name_here
        assert torch.equal(weight, same), name_there
    with torch.inference_mode():
        assert torch.equal(again(tokens()).logits, theirs(tokens()).logits)
    assert load_model(tmp_path / "ours").config == ours.config


def test_a_head_of_its_own_wins_over_the_settings_in_transformers_too(tmp_path):
    theirs = foreign_model("llama 2")
    theirs.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | {"tie_word_embeddings": True}))
    again = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        assert torch.equal(again(tokens()).logits, theirs(tokens()).logits)
        assert_logits_agree(load_model(tmp_path)(tokens()), theirs(tokens()).logits)


@pytest.mark.parametrize("name", ["gpt2", "llama 3", "qwen3-moe", "olmo2", "gemma3"])
def test_gradients_agree_too(tmp_path, name):
    theirs = foreign_model(name)
    theirs.save_pretrained(tmp_path)
    ours = load_model(tmp_path)
    ours(tokens()).square().mean().backward()
    theirs(tokens()).logits.square().mean().backward()
    wanted = theirs.get_input_embeddings().weight.grad
    assert (ours.embedding.table.grad - wanted).abs().max() < 1e-5 * wanted.abs().max()
