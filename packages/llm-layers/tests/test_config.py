import subprocess
import sys

import pytest

from llm_layers import Design, Experts, LayersError, LinearScaling, read_settings, write_settings
from llm_layers.config import GEMMA3, GPT2


def test_hugging_face_settings_go_there_and_back(small_config):
    for config in (small_config(), small_config(tied_embeddings=True, rope_base=1e6, norm_eps=1e-5)):
        assert read_settings(write_settings(config)) == config


def test_settings_are_written_for_old_and_new_readers(small_config):
    settings = write_settings(small_config(), dtype="bfloat16")
    assert settings["architectures"] == ["Qwen3ForCausalLM"]
    assert settings["head_dim"] == 6
    assert settings["rope_theta"] == settings["rope_parameters"]["rope_theta"] == 500.0
    assert settings["dtype"] == settings["torch_dtype"] == "bfloat16"
    assert (settings["hidden_act"], settings["attention_bias"]) == ("silu", False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vocab_size": 0}, "vocab_size must be a whole number of at least 1, but was 0"),
        ({"d_head": 5}, "d_head must be even"),
        ({"heads": 3}, "heads must be a multiple of kv_heads, but was 3 with kv_heads 2"),
        ({"rope_base": -1.0}, "rope_base must be a number above 0"),
        ({"norm_eps": float("nan")}, "norm_eps must be a number above 0"),
    ],
)
def test_a_bad_config_names_its_field(changes, words, small_config):
    with pytest.raises(LayersError, match=words):
        small_config(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "mamba"}, "model_type in config.json must be one of gpt2, llama, .*, but was 'mamba'"),
        ({"hidden_act": "gelu"}, "hidden_act in config.json must be 'silu'"),
        ({"attention_bias": True}, "attention_bias in config.json must be False"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "sliding_window in config.json must be a number"),
        ({"layer_types": ["full_attention"]}, "layer_types in config.json must name .* 2 blocks"),
        ({"rope_parameters": None, "rope_scaling": {"type": "yarn"}}, "rotary parameters .* must hold factor"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_parameters and rope_scaling .* must agree"),
        (
            {"rope_parameters": {"rope_type": "longrope", "rope_theta": 500.0}},
            "rope_type in config.json must be one of",
        ),
        ({"rope_parameters": {"rope_theta": 500.0, "partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        ({"rope_parameters": {"rope_theta": 600.0}}, "rope_theta must be one number"),
        ({"rope_theta": "fast"}, "rope_theta must be one number"),
        ({"rope_theta": [500.0]}, "rope_theta must be one number"),
        (
            {"final_logit_softcapping": 30.0},
            "final_logit_softcapping .* must be None .* was 30.0, which caps the logits",
        ),
        ({"attn_temperature": 2}, "attn_temperature in config.json is 2, and .* run the model with transformers$"),
        ({"rope_interleaved": True}, "rope_interleaved .* which rotates neighboring elements"),
        ({"mlp_bias": True}, "mlp_bias in config.json must be False"),
        ({"quantization_config": {"bits": 4}}, "quantization_config .* stored as quantized integers"),
    ],
)
def test_settings_that_could_change_the_result_are_refused(changes, words, small_config):
    with pytest.raises(LayersError, match=words):
        read_settings(write_settings(small_config()) | changes)


WRONG_TYPES = """
from llm_layers import LayersError, ModelConfig, read_settings, write_settings

right = dict(
    vocab_size=23, d_model=12, layers=2, heads=4, kv_heads=2, d_head=6, d_ff=20, context_length=32, rope_base=500.0
)
settings = write_settings(ModelConfig(**right))
for call in (
    lambda: ModelConfig(**right | {"layers": 2.0}),
    lambda: ModelConfig(**right | {"layers": True}),
    lambda: ModelConfig(**right | {"tied_embeddings": 1}),
    lambda: read_settings(settings | {"hidden_size": "12"}),
    lambda: read_settings(settings | {"vocab_size": None}),
):
    try:
        call()
    except LayersError as error:
        print(error)
"""


def test_values_of_a_wrong_type_are_refused():
    # In a process of its own: where types are checked at run time the checker would speak first.
    done = subprocess.run([sys.executable, "-c", WRONG_TYPES], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "layers must be a whole number of at least 1, but was 2.0",
        "layers must be a whole number of at least 1, but was True",
        "tied_embeddings must be true or false, but was 1",
        "hidden_size must be a whole number of at least 1, but was '12'",
        "vocab_size must be a whole number of at least 1, but was None",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"local_rope_base": 5.0}, "local_rope_base must be None where it has no effect, but was 5.0: no block has"),
        ({"global_layers": (1,)}, "global_layers must be .* but was .*: window is None"),
        ({"window": 4, "global_layers": (0, 1)}, "window must be None .* but was 4: global_layers names every block"),
        ({"design": GPT2, "rope_base": 5.0}, "rope_base must be 10000.0 .* the design has learned positions"),
        ({"design": GPT2, "rope_scaling": LinearScaling(factor=2.0)}, "rope_scaling must be None"),
        ({"design": GPT2, "window": 4, "local_rope_base": 5.0}, "local_rope_base must be None"),
        ({"window": 4, "local_rope_base": 5.0, "rope_scaling": LinearScaling(factor=2.0)}, "no block uses rope_base"),
        (
            {"design": GEMMA3, "experts": Experts(count=2, per_token=1, d_expert=4)},
            "feed_forward of the design must be",
        ),
        (
            {"design": Design(family=None, biases="all"), "experts": Experts(count=2, per_token=1, d_expert=4)},
            "biases of the design must be none or query_key_value with experts, but was all",
        ),
    ],
)
def test_a_setting_without_effect_is_refused(settings, message, small_config):
    with pytest.raises(LayersError, match=message):
        small_config(**settings)
