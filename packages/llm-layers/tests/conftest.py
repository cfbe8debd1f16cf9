from collections.abc import Callable

import pytest
import torch

from llm_layers import Decoder, ModelConfig
from llm_layers.config import QWEN3


def make_config(**changes: object) -> ModelConfig:
    shape = {
        "vocab_size": 23, "d_model": 12, "layers": 2, "heads": 4, "kv_heads": 2, "d_head": 6, "d_ff": 20,
        "context_length": 32,
    }  # fmt: skip
    if changes.get("design", QWEN3).positions == "rotary":  # type: ignore[attr-defined]
        shape["rope_base"] = 500.0
    return ModelConfig(**(shape | changes))  # type: ignore[arg-type]


def make_model(config: ModelConfig, **options: object) -> Decoder:
    """A model in which every weight matters: the initial values hold zeros, so a test could pass by accident."""
    generator = torch.Generator().manual_seed(5)
    model = Decoder(config, **options)  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.3, generator=generator)
    return model


@pytest.fixture
def small_config() -> Callable[..., ModelConfig]:
    return make_config


@pytest.fixture
def random_model() -> Callable[..., Decoder]:
    return make_model


@pytest.fixture
def model() -> Decoder:
    return make_model(make_config())


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(0, 23, (3, 17), generator=torch.Generator().manual_seed(1))
