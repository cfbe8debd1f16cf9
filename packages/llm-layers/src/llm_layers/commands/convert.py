"""`llm-layers convert`: a model from one format into another."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from llm_layers.commands.inputs import read_model, stored_types
from llm_layers.commands.outputs import check_model, check_new
from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.file import read_gguf
from llm_layers.formats.gguf.saving import save_gguf
from llm_layers.formats.huggingface.storage import GENERATION, SETTINGS, load_config, save_model
from llm_layers.formats.huggingface.weight_files import read_json
from llm_layers.interface import LayersError
from llm_tokenizer import Tokenizer, TokenizerError, load_tokenizer, save_tokenizer
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.files.gguf_writing import GgufVocabulary, vocabulary_entries

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FILES = (".bin", ".ckpt", ".json", ".onnx", ".pt", ".pth", ".safetensors")
"""Endings that no folder has."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "encoder.json")
GGUF_NAMES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "q8_0": "Q8_0"}


def run(options: argparse.Namespace, progress: Progress) -> str:
    """Read, convert, write; a tokenizer beside the model is converted too."""
    target = Path(options.target)
    to_gguf = target.suffix.lower() == ".gguf"
    if target.suffix.lower() in FILES:
        raise LayersError(
            f"TARGET must be a new folder or end with .gguf, but was '{target}', the name of another file"
        )
    if not to_gguf and options.dtype == "q8_0":
        raise LayersError("TARGET must end with .gguf for the dtype q8_0, because model folders have no such dtype")
    check_new(target, replace=options.replace)
    config = load_config(options.source)
    check_model(config, target)
    tokenizer, ends = tokenizer_beside(options.source), text_ends(options.source)
    check_tokenizer(tokenizer, config, ends if to_gguf else None)
    model = read_model(options.source, config, progress)
    stored = stored_types(options.source, model.embedding.table.dtype)
    written = options.dtype or str(model.embedding.table.dtype).removeprefix("torch.")
    progress(f"writing {target.name}")
    if to_gguf:
        dtype = options.dtype and GGUF_NAMES[options.dtype]
        save_gguf(model, target, tokenizer=tokenizer, dtype=dtype, vocabulary=GgufVocabulary(**ends))
        size = target.stat().st_size
    else:
        save_model(model if options.dtype is None else model.to(DTYPES[options.dtype]), target, **ends)
        if tokenizer is not None:
            save_tokenizer(tokenizer, target)
        size = sum(file.stat().st_size for file in target.iterdir())
    words = "with its tokenizer" if tokenizer is not None else "without a tokenizer: there was none beside the model"
    line = f"{target}: {size / 2**20:,.1f} MiB, {words}"
    return f"{line}\n{stored}, written as {written}" if stored else line


def check_tokenizer(tokenizer: Tokenizer | None, config: ModelConfig, ends: dict[str, Any] | None) -> None:
    """Refuse a tokenizer that could not be written, before a weight is read; `ends` is given for a GGUF file."""
    if tokenizer is not None and ends is not None:
        vocabulary_entries(tokenizer, config.vocab_size, GgufVocabulary(**ends))
    elif tokenizer is not None:
        with TemporaryDirectory() as folder:
            save_tokenizer(tokenizer, folder)


def text_ends(source: str) -> dict[str, Any]:
    """Return the ids at which a text begins, ends and is filled up, as the source states them."""
    path = Path(source)
    if path.is_file():
        words = read_gguf(path).words
        names = {"bos": "bos", "eos": "eos", "pad": "padding"}
        return {f"{ours}_token_id": words.get(f"tokenizer.ggml.{theirs}_token_id") for ours, theirs in names.items()}
    settings: dict[str, Any] = {}
    for name in (SETTINGS, GENERATION):  # the second has the last word
        if (path / name).is_file():
            settings |= {key: value for key, value in read_json(path / name).items() if value is not None}
    return {key: settings.get(key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}


def tokenizer_beside(source: str) -> Tokenizer | None:
    """Load the tokenizer in a model folder or GGUF file; None where there is none."""
    path = Path(source)
    if path.is_file() and read_gguf(path).words.get("tokenizer.ggml.model", "none") == "none":
        return None
    if path.is_dir() and not any((path / name).exists() for name in TOKENIZER_FILES):
        return None
    try:
        return load_tokenizer(path)
    except TokenizerError as error:
        raise LayersError(f"the tokenizer beside the model cannot be read: {error}") from None
