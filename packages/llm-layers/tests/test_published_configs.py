import pytest
from published_configs import PUBLISHED

from llm_layers import LayersError, LinearScaling, ModelConfig, YarnScaling, read_settings, write_settings
from llm_layers.formats.huggingface.registry import ARCHITECTURES


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_settings_are_read(name):
    settings, fields = PUBLISHED[name]
    config = read_settings(settings)
    assert config == ModelConfig(**fields)
    assert read_settings(write_settings(config)) == config


@pytest.mark.parametrize("key", [
    "unsloth_fixed", "unsloth_version", "_attn_implementation_autoset", "_flash_attn_2_enabled", "_commit_hash",
    "transformers.js_config", "is_llama_config", "model_max_length", "tokenizer_class", "unk_token_id", "pad_token",
    "temperature", "hidden_dropout", "max_window_layers", "initializer_cutoff_factor", "attention_dropout",
    "neftune_noise_alpha", "gradient_checkpointing", "seq_length", "flash_attn", "layer_norm_eps",
    "trl_version", "license",
])  # fmt: skip
@pytest.mark.parametrize("value", [True, 0.5, "x", {"a": 1}], ids=str)
def test_settings_without_effect_may_have_any_value(key, value):
    settings, fields = PUBLISHED["llama 3.2 1B"]
    assert read_settings(settings | {key: value}) == ModelConfig(**fields)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gemma 3 1B", {"hidden_act": "gelu_pytorch_tanh"}),
        ("gemma 3 1B", {"hidden_act": "relu"}),
        ("gpt2 124M", {"hidden_act": "gelu_new"}),
        ("qwen 2.5 0.5B", {"attention_bias": True}),
        ("qwen 3 0.6B", {"use_qk_norm": True}),
        ("qwen 3 30B-A3B", {"use_qk_norm": True}),
    ],
    ids=str,
)
def test_a_setting_that_a_family_does_not_read_may_have_any_value_there(name, change):
    settings, _ = PUBLISHED[name]
    assert read_settings(settings | change) == read_settings(settings)
    with pytest.raises(LayersError, match=next(iter(change))):
        read_settings(PUBLISHED["llama 3.2 1B"][0] | change)


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}], ids=repr)
def test_an_unknown_switch_that_is_off_changes_nothing(value):
    settings, fields = PUBLISHED["qwen 3 0.6B"]
    assert read_settings(settings | {"some_new_switch": value}) == ModelConfig(**fields)


# The defaults of the configuration classes of transformers; `parity/test_defaults.py` compares every one with them.
ABSENT = {
    "gpt2": {"vocab_size": 50257, "d_model": 768, "layers": 12, "heads": 12, "d_ff": 3072, "context_length": 1024,
             "norm_eps": 1e-5, "tied_embeddings": True},
    "llama": {"vocab_size": 32000, "d_model": 4096, "layers": 32, "kv_heads": 32, "d_head": 128, "d_ff": 11008,
              "context_length": 2048, "norm_eps": 1e-6, "rope_base": 1e4, "tied_embeddings": False},
    "mistral": {"kv_heads": 8, "d_ff": 14336, "context_length": 131072, "window": 4096, "rope_base": 1e4},
    "qwen2": {"vocab_size": 151936, "kv_heads": 32, "d_ff": 22016, "context_length": 32768, "window": None},
    "qwen3": {"kv_heads": 32, "d_head": 128, "rope_base": 1e4, "window": None},
    "qwen3_moe": {"d_model": 2048, "layers": 24, "kv_heads": 4, "d_head": 64, "d_ff": 6144, "window": None},
    "olmo2": {"vocab_size": 50304, "kv_heads": 32, "norm_eps": 1e-5, "context_length": 2048},
    "gemma3_text": {"vocab_size": 262208, "heads": 8, "kv_heads": 4, "d_head": 256, "window": 4096,
                    "global_layers": (5, 11, 17, 23), "rope_base": 1e6, "local_rope_base": 1e4,
                    "query_pre_attn_scalar": 256, "tied_embeddings": True},
}  # fmt: skip


@pytest.mark.parametrize("kind", ABSENT)
def test_a_setting_that_is_left_out_has_the_default_of_its_family(kind):
    config = read_settings({"model_type": kind})
    assert {name: getattr(config, name) for name in ABSENT[kind]} == ABSENT[kind]
    assert len(ABSENT) == len(ARCHITECTURES)


def test_null_is_not_the_same_as_left_out():
    settings, _ = PUBLISHED["mistral 7B v0.1"]
    without = {key: value for key, value in settings.items() if key != "sliding_window"}
    assert read_settings(without).window == 4096
    assert read_settings(without | {"sliding_window": None}).window is None
    heads = {key: value for key, value in settings.items() if key != "num_key_value_heads"}
    assert read_settings(heads).kv_heads == 8
    assert read_settings(heads | {"num_key_value_heads": None}).kv_heads == 32


def test_windows_of_qwen_begin_at_a_block():
    settings, _ = PUBLISHED["qwen 2.5 0.5B"]
    used = settings | {"use_sliding_window": True, "sliding_window": 128, "max_window_layers": 20}
    config = read_settings(used)
    assert (config.window, config.global_layers) == (128, tuple(range(20)))
    assert read_settings(write_settings(config)) == config
    assert read_settings(used | {"max_window_layers": 24}).window is None  # no block is left that has one
    assert read_settings(settings | {"max_window_layers": None}).window is None
    for wrong in ({"sliding_window": None}, {"use_sliding_window": "yes"}):
        with pytest.raises(LayersError, match=r"use_sliding_window in config.json must be false, or true beside"):
            read_settings(used | wrong)


def test_the_pattern_of_gemma():
    settings, _ = PUBLISHED["gemma 3 1B"]
    assert read_settings(settings | {"sliding_window_pattern": 13}).global_layers == (12, 25)
    with pytest.raises(LayersError, match=r"sliding_window_pattern in config.json must be a whole number above 0"):
        read_settings(settings | {"sliding_window_pattern": 0})
    with pytest.raises(LayersError, match=r"sliding_window in config.json must be a number of positions"):
        read_settings(settings | {"sliding_window": None})


@pytest.mark.parametrize(
    ("table", "scaling"),
    [
        ({"rope_type": "default", "original_max_position_embeddings": 2048}, None),
        ({"type": "linear", "factor": 2.0, "original_max_position_embeddings": 2048}, LinearScaling(factor=2.0)),
        ({"type": "linear", "factor": 2.0, "attention_factor": 1.0, "truncate": True}, LinearScaling(factor=2.0)),
        ({"type": "yarn", "factor": 2.0, "truncate": True}, YarnScaling(factor=2.0, original_context=4096)),
        ({"type": "yarn", "factor": None, "original_max_position_embeddings": 1024},
         YarnScaling(factor=4.0, original_context=1024)),
        ({"type": "yarn", "factor": 2.0, "mscale": 1.0, "mscale_all_dim": 1.0},
         YarnScaling(factor=2.0, original_context=4096, attention_factor=1.0)),
        ({"type": "yarn", "factor": 2.0, "mscale": 1.0}, YarnScaling(factor=2.0, original_context=4096)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["rope_scaling", "rope_parameters"])
def test_rotary_settings_that_change_nothing_are_accepted(table, scaling, key):
    settings, fields = PUBLISHED["llama 2 7B"]
    assert read_settings(settings | {key: table}) == ModelConfig(**fields | {"rope_scaling": scaling})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"type": "yarn", "factor": 2.0, "truncate": False}, "truncate .* must be True .* YaRN's ramp begin and end"),
        ({"type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5}, "rotates only a part of each head"),
        ({"type": "linear", "factor": 2.0, "attention_factor": 0.9}, "scales the attention scores"),
        ({"type": "default", "factor": 2.0}, "factor .* must be 1.0 beside rope_type 'default'"),
        ({"type": "dynamic", "factor": 2.0}, "rope_type in config.json must be one of default, linear, llama3, yarn"),
        ({"type": "yarn", "factor": 2.0, "stretch": 3}, "stretch .* is not known to this package"),
    ],
)
def test_a_refused_rotary_setting_is_named_with_what_it_changes(table, words):
    with pytest.raises(LayersError, match=words):
        read_settings(PUBLISHED["llama 2 7B"][0] | {"rope_scaling": table})
