"""The families of models that are read and written, and which of them a `config.json` or a model belongs to.

| family | module |
|---|---|
| GPT-2 | `gpt2` |
| Llama 2 and 3, SmolLM2, Mistral, OLMo 2, Qwen 2, Qwen 3 | `llama` |
| Qwen3-MoE | `qwen3_moe` |
| Gemma 3 (text) | `gemma3` |
"""

from collections.abc import Mapping
from typing import Any

from llm_layers.config import ModelConfig
from llm_layers.formats.huggingface import gemma3, gpt2, llama, qwen3_moe
from llm_layers.formats.huggingface.architecture import Architecture
from llm_layers.interface import LayersError

ARCHITECTURES: tuple[Architecture, ...] = (
    gpt2.GPT2_ARCHITECTURE,
    llama.LLAMA_ARCHITECTURE,
    llama.MISTRAL_ARCHITECTURE,
    llama.QWEN2_ARCHITECTURE,
    llama.QWEN3_ARCHITECTURE,
    qwen3_moe.QWEN3_MOE_ARCHITECTURE,
    llama.OLMO2_ARCHITECTURE,
    gemma3.GEMMA3_ARCHITECTURE,
)


def architecture_of(config: ModelConfig) -> Architecture:
    """Find the family that a model of ours is written as."""
    for architecture in ARCHITECTURES:
        if architecture.design == config.design:
            return architecture
    raise LayersError(
        f"the model must have the design of a public family to be saved, but has {config.design!r}: "
        "no public tool could read it"
    )


def read_settings(settings: Mapping[str, Any]) -> ModelConfig:
    """Read the content of a Hugging Face `config.json`.

    Raises:
        LayersError: for an unknown family, or a setting that changes the result and that our model cannot express.
    """
    for architecture in ARCHITECTURES:
        if architecture.model_type == settings.get("model_type"):
            return architecture.read_settings(settings)
    known = ", ".join(architecture.model_type for architecture in ARCHITECTURES)
    raise LayersError(f"model_type in config.json must be one of {known}, but was {settings.get('model_type')!r}")


def write_settings(config: ModelConfig, *, dtype: str = "float32") -> dict[str, Any]:
    """Return the content of the Hugging Face `config.json` of this shape; `dtype` is that of the weights."""
    return architecture_of(config).write_settings(config, dtype=dtype)
