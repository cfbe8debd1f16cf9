"""The function that a contract pins is the function that runs, or it is listed as an alternative with the reason."""

from __future__ import annotations

import ast
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch

from llm_layers import (
    FUSED,
    Decoder,
    Design,
    Experts,
    LinearScaling,
    Llama3Scaling,
    ModelConfig,
    YarnScaling,
    add_lora,
    initialize,
    initialize_gpt2,
    initialize_truncated,
    load_model,
    merge_all_lora,
    quantize_model,
    save_model,
)
from llm_layers.config import DESIGNS
from surface import ROOT
from test_imports import MODULES, sources

PAGE = ROOT / "docs" / "explanation" / "alternatives.md"
CHOSEN_EXPLICITLY = {"fast", "kernels", "reference", "spec"}  # bound to the same contracts


def pinned_functions() -> Iterator[tuple[Path, str]]:
    """The file and the name of every public function or class whose docstring names its contract."""
    for module in MODULES:
        for path in sources(module).values():
            if not CHOSEN_EXPLICITLY & set(path.parts):
                for node in ast.parse(path.read_text(encoding="utf-8")).body:
                    if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and "Spec:" in (ast.get_docstring(node) or ""):
                        yield path, node.name


def train_and_write(folder: Path) -> None:
    """What a user does from a text to a text."""
    from llm_generate import CategoricalSampler, SamplingSettings, load, stream_text
    from llm_tokenizer import ChatML, IncrementalDecoder, Message, encode_file, train_bpe
    from llm_tokenizer.files.tiktoken import Encoding, load_tiktoken, save_tiktoken
    from llm_train import Recipe, train

    text = folder / "text.txt"
    text.write_text("To be, or not to be, that is the question.\n" * 100 + "a" * 500)
    recipe = Recipe.load("tiny").with_values(corpus=str(text), held_out=(), vocab_size=270, steps=4, shape="cosine")
    train(recipe, folder / "run")
    loaded = load(folder / "run" / "model")
    for settings in (SamplingSettings(temperature=0.7, top_k=5, top_p=0.9, seed=1), SamplingSettings(temperature=0.0)):
        sampler = CategoricalSampler(settings)
        list(stream_text(loaded.model, loaded.tokenizer, "To be", sampler=sampler, max_tokens=4))
    tokenizer = train_bpe([text.read_text()], vocab_size=280, special_tokens=["<|im_start|>", "<|im_end|>"])
    list(encode_file(tokenizer, text))
    ranks = save_tiktoken(train_bpe([text.read_text()], vocab_size=270), folder / "own.tiktoken")
    load_tiktoken(ranks, Encoding(pattern="gpt2", special_tokens={})).encode("to be")
    decoder = IncrementalDecoder(tokenizer)
    for id in tokenizer.encode("a" * 500 + "<|im_end|>", allowed_special=["<|im_end|>"]):
        decoder.feed(id)
    ChatML(tokenizer).encode([Message(role="user", content="Hi!"), Message(role="assistant", content="Yo.")])


def configurations() -> Iterator[ModelConfig]:
    """Yield a small model of every family, and of what a config can choose beyond that."""
    shape: dict[str, Any] = {"vocab_size": 50, "d_model": 32, "layers": 2, "heads": 2, "kv_heads": 1, "d_head": 16}
    shape |= {"d_ff": 64, "context_length": 64}
    experts = Experts(count=4, per_token=2, d_expert=32)
    own: dict[str | None, dict[str, Any]] = {
        "gpt2": {"kv_heads": 2, "tied_embeddings": True},
        "llama": {
            "rope_scaling": Llama3Scaling(
                factor=8.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_context=32
            )
        },
        "mistral": {"window": 2},
        "qwen2": {"rope_scaling": YarnScaling(factor=4.0, original_context=32)},
        "qwen3": {"rope_scaling": LinearScaling(factor=2.0)},
        "qwen3_moe": {"experts": experts},
        "gemma3": {"query_pre_attn_scalar": 16, "tied_embeddings": True},
    }
    for design in DESIGNS:
        yield ModelConfig(design=design, **(shape | own.get(design.family, {})))
    yield ModelConfig(design=Design(family=None, feed_forward="relu_squared"), attn_logit_softcap=50.0, **shape)


def build_save_and_run(config: ModelConfig, folder: Path) -> None:
    """Initialize, train, save, load and adapt one model."""
    tokens = torch.tensor([[1, 2, 3, 4]])
    model = Decoder(config)
    for scheme in (initialize, initialize_gpt2, initialize_truncated):
        scheme(model, generator=torch.Generator().manual_seed(0))
    model(tokens).sum().backward()
    if config.design.family is None:
        return
    save_model(model, folder)
    changes: list[Callable[[Decoder], object]] = [
        lambda model: add_lora(model, rank=2, alpha=4.0),
        lambda model: (add_lora(model, rank=2, alpha=4.0), merge_all_lora(model)),
        lambda model: quantize_model(model, bits=8),
        lambda model: quantize_model(model, bits=4, group=16),
        lambda model: None,
    ]
    with torch.inference_mode():
        for change in changes:
            loaded = load_model(folder, kernels=FUSED)
            change(loaded)
            cache = loaded.new_cache()
            loaded(tokens, cache)
            loaded(tokens[:, :1], cache)


def reached(folder: Path) -> set[tuple[str, str]]:
    """Return the file and the outermost name of every function of ours that ran."""
    codes: set[CodeType] = set()

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            codes.add(frame.f_code)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        train_and_write(folder)
        for number, config in enumerate(configurations()):
            build_save_and_run(config, folder / str(number))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return {(code.co_filename, code.co_qualname.split(".")[0]) for code in codes}


def test_every_pinned_function_runs_or_is_listed_as_an_alternative(tmp_path: Path) -> None:
    ran = reached(tmp_path)
    unused = {name for path, name in pinned_functions() if (str(path), name) not in ran}
    listed = set(re.findall(r"^\| `([A-Za-z_0-9]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert unused == listed, f"not listed: {sorted(unused - listed)}; listed, but it runs: {sorted(listed - unused)}"
