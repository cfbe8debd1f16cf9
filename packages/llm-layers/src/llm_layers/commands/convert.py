"""`llm-layers convert`: a model from one form into another."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from llm_layers.commands.sources import read_model, stored_types
from llm_layers.commands.stages import Stages
from llm_layers.commands.text_options import check_folder, check_place
from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.families import family_of
from llm_layers.formats.gguf.file import read_gguf
from llm_layers.formats.gguf.saving import save_gguf
from llm_layers.formats.huggingface.registry import write_settings
from llm_layers.formats.huggingface.storage import load_config, save_model
from llm_layers.formats.huggingface.weight_files import read_json
from llm_layers.interface import LayersError
from llm_tokenizer import Tokenizer, TokenizerError, load_tokenizer, save_tokenizer
from llm_tokenizer.files.gguf_writing import GgufVocabulary, vocabulary_entries

SUMMARY = "turn a model folder into a GGUF file or back, or into another type of numbers"
EXAMPLES = """examples:
  llm-layers convert runs/tale/model tale.gguf                  for llama.cpp and what is built on it
  llm-layers convert runs/tale/model tale.gguf --dtype q8_0     a quarter of the size
  llm-layers convert SmolLM2.gguf smollm2                       a folder that transformers reads
  llm-layers convert runs/tale/model half --dtype bfloat16"""
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FILES = (".bin", ".ckpt", ".json", ".onnx", ".pt", ".pth", ".safetensors")
"""Endings that no folder has."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "encoder.json")
GGUF_NAMES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "q8_0": "Q8_0"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("source", metavar="SOURCE", help="a model folder, or a GGUF file")
    parser.add_argument("target", metavar="TARGET", help="a new folder, or a name that ends with .gguf")
    parser.add_argument("--dtype", choices=GGUF_NAMES, help="type of the numbers (default: as they are)")
    parser.add_argument("--replace", action="store_true", help="write over a target that is there")


def run(options: argparse.Namespace, stages: Stages) -> str:
    """Read, convert, write; the tokenizer goes along where there is one."""
    target = Path(options.target)
    to_gguf = target.suffix.lower() == ".gguf"
    if target.suffix.lower() in FILES:
        raise LayersError(
            f"TARGET must be a new folder or end with .gguf, but was '{target}', the name of another file"
        )
    if not to_gguf and options.dtype == "q8_0":
        raise LayersError("TARGET must end with .gguf for the type q8_0, because model folders have no such type")
    check_new(target, replace=options.replace)
    config = load_config(options.source)
    check_written(config, target, to_gguf=to_gguf)
    tokenizer, ends = tokenizer_beside(options.source), text_ends(options.source)
    if to_gguf and tokenizer is not None:
        check_vocabulary(tokenizer, config, ends)
    model = read_model(options.source, config, stages)
    stored = stored_types(options.source, model.embedding.table.dtype)
    written = options.dtype or str(model.embedding.table.dtype).removeprefix("torch.")
    stages(f"writing {target.name}")
    if to_gguf:
        dtype = options.dtype and GGUF_NAMES[options.dtype]
        save_gguf(model, target, tokenizer=tokenizer, dtype=dtype, vocabulary=GgufVocabulary(**ends))
        size = target.stat().st_size
    else:
        save_model(model if options.dtype is None else model.to(DTYPES[options.dtype]), target, **ends)
        if tokenizer is not None:
            _save_tokenizer(tokenizer, target)
        size = sum(file.stat().st_size for file in target.iterdir())
    words = "with its tokenizer" if tokenizer is not None else "without a tokenizer: there was none beside the model"
    line = f"{target}: {size / 2**20:,.1f} MiB, {words}"
    return f"{line}\n{stored}, written as {written}" if stored else line


def check_new(target: Path, *, replace: bool) -> None:
    """Refuse to write over something without being told to."""
    if not replace and (target.is_file() or (target.is_dir() and any(target.iterdir()))):
        raise LayersError(f"'{target}' is there already: give --replace to write over it, or another name")


def check_written(config: ModelConfig, target: Path, *, to_gguf: bool) -> None:
    """Refuse what could not be written, before a weight is read."""
    if to_gguf:
        check_place(target)
        family_of(config).write_config(config)
    else:
        check_folder(target)
        write_settings(config, dtype="float32")


def _save_tokenizer(tokenizer: Tokenizer, target: Path) -> None:
    try:
        save_tokenizer(tokenizer, target)
    except (TokenizerError, OSError) as error:
        raise LayersError(f"the model is written, but not its tokenizer: {error}; make room, and write again") from None


def check_vocabulary(tokenizer: Tokenizer, config: ModelConfig, ends: Mapping[str, Any]) -> None:
    """Refuse a tokenizer that a GGUF file could not hold, before a weight is read."""
    try:
        vocabulary_entries(tokenizer, config.vocab_size, GgufVocabulary(**ends))
    except TokenizerError as error:
        raise LayersError(str(error)) from None


def text_ends(source: str) -> dict[str, Any]:
    """Give the ids at which a text begins, ends and is filled up, as the source says them."""
    path = Path(source)
    if path.is_file():
        words = read_gguf(path).words
        return {f"{kind}_token_id": words.get(f"tokenizer.ggml.{kind}_token_id") for kind in ("bos", "eos")} | {
            "pad_token_id": words.get("tokenizer.ggml.padding_token_id")
        }
    settings: dict[str, Any] = {}
    for name in ("config.json", "generation_config.json"):  # the second has the last word
        if (path / name).is_file():
            settings |= {key: value for key, value in read_json(path / name).items() if value is not None}
    return {key: settings.get(key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}


def tokenizer_beside(source: str) -> Tokenizer | None:
    """Give the tokenizer in a model folder or GGUF file; None where there is none."""
    path = Path(source)
    if path.is_file() and read_gguf(path).words.get("tokenizer.ggml.model", "none") == "none":
        return None
    if path.is_dir() and not any((path / name).exists() for name in TOKENIZER_FILES):
        return None
    try:
        return load_tokenizer(path)
    except TokenizerError as error:
        raise LayersError(f"the tokenizer beside the model cannot be read: {error}") from None
