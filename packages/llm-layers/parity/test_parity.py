"""Our folders in transformers and theirs here: the same logits, and not a word of complaint."""

import random

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM

from llm_layers import FUSED, Decoder, ModelConfig, load_model, save_model


def random_shape(seed: int) -> ModelConfig:
    draw = random.Random(seed)
    kv_heads = draw.choice([1, 2, 3])
    return ModelConfig(
        vocab_size=draw.randint(11, 90),
        d_model=draw.choice([9, 16, 30, 37]),
        layers=draw.randint(1, 3),
        heads=kv_heads * draw.choice([1, 2, 5]),
        kv_heads=kv_heads,
        d_head=draw.choice([2, 6, 10, 16]),
        d_ff=draw.choice([7, 20, 33]),
        context_length=64,
        rope_base=draw.choice([100.0, 10000.0, 1e6]),
        norm_eps=draw.choice([1e-6, 1e-5]),
        tied_embeddings=bool(seed % 2),
    )


def tokens_for(config: ModelConfig, seed: int) -> torch.Tensor:
    return torch.randint(0, config.vocab_size, (2, 40), generator=torch.Generator().manual_seed(seed))


def assert_logits_agree(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert ours.std() > 0.1, "logits that are all alike would agree by accident"


@pytest.mark.parametrize("seed", range(8))
def test_transformers_loads_what_we_save(tmp_path, seed):
    config = random_shape(seed)
    model = Decoder(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.25, generator=generator)
    save_model(model, tmp_path, eos_token_id=1)
    theirs, report = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert isinstance(theirs, Qwen3ForCausalLM)
    assert not any(report.values()), report
    assert theirs.generation_config.eos_token_id == 1
    tokens = tokens_for(config, seed)
    with torch.inference_mode():
        assert_logits_agree(model(tokens), theirs(tokens).logits)


@pytest.mark.parametrize("seed", range(8))
def test_we_load_what_transformers_saves(tmp_path, seed):
    config = random_shape(seed)
    torch.manual_seed(seed)
    theirs = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=config.vocab_size,
            hidden_size=config.d_model,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.kv_heads,
            head_dim=config.d_head,
            intermediate_size=config.d_ff,
            max_position_embeddings=config.context_length,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_base},
            rms_norm_eps=config.norm_eps,
            tie_word_embeddings=config.tied_embeddings,
            initializer_range=0.2,
        )
    )
    theirs.save_pretrained(tmp_path, max_shard_size="10KB" if seed == 3 else "5GB")
    model = load_model(tmp_path, kernels=FUSED)
    assert model.config == config
    tokens = tokens_for(config, seed)
    with torch.inference_mode():
        assert_logits_agree(model(tokens), theirs(tokens).logits)
