"""Our rotary frequencies, their scalings and both orders of the pairs against transformers' own functions."""

import pytest
import torch
from transformers import PretrainedConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.gptj.modeling_gptj import apply_rotary_pos_emb as turn_neighbors
from transformers.models.qwen3.modeling_qwen3 import apply_rotary_pos_emb as turn_halves

from llm_layers import (
    LinearScaling,
    Llama3Scaling,
    YarnScaling,
    inverse_frequencies,
    rotary,
    rotary_interleaved,
    sinusoidal_positions,
)
from llm_layers.layers.rotary import rotary_angles

# (rope_type, our scaling, their words for it)
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
YARN = {"original_max_position_embeddings": 4096}
SCALINGS = [
    ("linear", LinearScaling(factor=4.0), {"factor": 4.0}),
    ("linear", LinearScaling(factor=1.5), {"factor": 1.5}),
    (
        "llama3",
        Llama3Scaling(factor=8.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_context=8192),
        LLAMA3 | {"factor": 8.0},
    ),
    (
        "llama3",
        Llama3Scaling(factor=32.0, low_frequency_factor=2.0, high_frequency_factor=7.0, original_context=512),
        {"factor": 32.0, "low_freq_factor": 2.0, "high_freq_factor": 7.0, "original_max_position_embeddings": 512},
    ),
    ("yarn", YarnScaling(factor=4.0, original_context=4096), YARN | {"factor": 4.0}),
    ("yarn", YarnScaling(factor=40.0, original_context=4096), YARN | {"factor": 40.0}),
    (
        "yarn",
        YarnScaling(factor=2.5, original_context=4096, beta_fast=16.0, beta_slow=2.0, attention_factor=0.875),
        YARN | {"factor": 2.5, "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 0.875},
    ),
]
SHAPES = [(64, 10000.0), (128, 500000.0), (6, 100.0), (80, 1e6)]


def theirs(kind, d_head, base, settings):
    config = PretrainedConfig(
        hidden_size=d_head,
        num_attention_heads=1,
        head_dim=d_head,
        max_position_embeddings=32768,
        rope_parameters={"rope_type": kind, "rope_theta": base, **settings},
    )
    return ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"))


@pytest.mark.parametrize(("d_head", "base"), SHAPES)
@pytest.mark.parametrize(("kind", "scaling", "settings"), SCALINGS)
def test_scaled_frequencies_and_attention_factor(kind, scaling, settings, d_head, base):
    expected, factor = theirs(kind, d_head, base, settings)
    frequencies = inverse_frequencies(d_head, base)
    ours = scaling.scale(frequencies, base)
    # A last bit of float32: they divide by factor · base^(2k/d) at once, we divide the frequency.
    torch.testing.assert_close(ours, expected, rtol=2.5e-7, atol=0.0)
    assert scaling.attention_scaling == pytest.approx(factor, rel=1e-15)
    if base >= 1e4:  # with a small base every pair comes round often, and only the linear scaling touches it
        assert not torch.equal(ours, frequencies), "a scaling that changes nothing would agree by accident"


@pytest.mark.parametrize(("kind", "scaling", "settings"), SCALINGS[:5])
def test_linear_and_llama3_and_yarn_by_a_power_of_two_agree_to_the_last_bit(kind, scaling, settings):
    for d_head, base in SHAPES:
        expected, _ = theirs(kind, d_head, base, settings)
        assert torch.equal(scaling.scale(inverse_frequencies(d_head, base), base), expected)


@pytest.mark.parametrize(("kind", "scaling", "settings"), SCALINGS)
def test_cosine_and_sine_far_into_a_text(kind, scaling, settings):
    d_head, base = 64, 500000.0
    frequencies, factor = theirs(kind, d_head, base, settings)
    positions = torch.tensor([0, 1, 4095, 4096, 30000])
    angles = positions[:, None].float() * frequencies
    cosine, sine = rotary_angles(positions, d_head, base, torch.float32, scaling)
    # The last bit of a slowed frequency times the position: a slow pair makes few rotations, so little comes of it.
    torch.testing.assert_close(cosine, angles.cos() * factor, rtol=0.0, atol=1e-4)
    torch.testing.assert_close(sine, angles.sin() * factor, rtol=0.0, atol=1e-4)


@pytest.mark.parametrize(("d_head", "base"), SHAPES)
def test_halves_as_in_the_files_and_neighbors_as_in_gpt_j(d_head, base):
    generator = torch.Generator().manual_seed(d_head)
    x = torch.randn(2, 3, 7, d_head, generator=generator, dtype=torch.float64)
    positions = torch.tensor([0, 1, 2, 9, 9, 4, 100])
    cosine, sine = rotary_angles(positions, d_head, base, torch.float64)
    halved, _ = turn_halves(x, x, torch.cat([cosine] * 2, -1)[None], torch.cat([sine] * 2, -1)[None])
    torch.testing.assert_close(rotary(x, (cosine, sine)), halved, rtol=1e-14, atol=1e-14)
    # GPT-J keeps the heads behind the positions.
    neighbors = turn_neighbors(x.transpose(1, 2), sine[None], cosine[None]).transpose(1, 2)
    torch.testing.assert_close(rotary_interleaved(x, (cosine, sine)), neighbors, rtol=1e-14, atol=1e-14)
    assert not torch.allclose(halved, neighbors), "the two orders must differ"


@pytest.mark.parametrize("d_model", [2, 8, 30])
def test_waves_are_those_of_the_reordered_marian(d_model):
    from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding

    table = MarianSinusoidalPositionalEmbedding(20, d_model).create_weight()
    ours = sinusoidal_positions(torch.arange(20), d_model)
    # Marian keeps all sines first, then all cosines: the other order of the same waves.
    torch.testing.assert_close(torch.cat([ours[:, 0::2], ours[:, 1::2]], -1), table, rtol=1e-5, atol=1e-6)
