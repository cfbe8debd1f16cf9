"""What a `config.json` leaves out is what the configuration classes of the installed transformers take."""

import pytest
import transformers

from llm_layers import read_settings
from llm_layers.formats.huggingface.registry import ARCHITECTURES

CLASSES = {
    "gpt2": "GPT2Config",
    "llama": "LlamaConfig",
    "mistral": "MistralConfig",
    "qwen2": "Qwen2Config",
    "qwen3": "Qwen3Config",
    "qwen3_moe": "Qwen3MoeConfig",
    "olmo2": "Olmo2Config",
    "gemma3_text": "Gemma3TextConfig",
}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_default_is_that_of_transformers(kind):
    written = getattr(transformers, CLASSES[kind])().to_dict()
    assert read_settings({"model_type": kind}) == read_settings(written)
    assert len(CLASSES) == len(ARCHITECTURES)


@pytest.mark.parametrize("kind", CLASSES)
def test_each_setting_alone_may_be_left_out(kind):
    written = getattr(transformers, CLASSES[kind])().to_dict()
    wanted = read_settings(written)
    for key in written.keys() - {"model_type"}:
        assert read_settings({name: value for name, value in written.items() if name != key}) == wanted, key
