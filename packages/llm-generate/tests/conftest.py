"""A tiny model with random weights, and its folder."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from llm_layers import Decoder, ModelConfig, save_model
from llm_tokenizer import ByteTokenizer, save_tokenizer

torch.set_num_threads(1)  # the models are tiny: a second thread only waits

END = "<|endoftext|>"


@pytest.fixture(scope="session")
def tokenizer() -> ByteTokenizer:
    return ByteTokenizer([END])


@pytest.fixture(scope="session")
def model(tokenizer: ByteTokenizer) -> Decoder:
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size, d_model=16, layers=2, heads=2, kv_heads=1, d_head=8, d_ff=24, context_length=48
    )
    model = Decoder(config).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # initial values give equal logits; a trained model has opinions
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(std=0.5, generator=generator)
    return model


@pytest.fixture(scope="session")
def model_folder(model: Decoder, tokenizer: ByteTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_model(model, folder, eos_token_id=tokenizer.special_tokens[END])
    save_tokenizer(tokenizer, folder)
    return folder


@pytest.fixture
def default_interrupt() -> Iterator[None]:
    """Ctrl-C works in child processes, even where the process that runs the tests ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
