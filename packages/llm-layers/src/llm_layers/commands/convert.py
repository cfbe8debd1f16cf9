"""`llm-layers convert`: a model from one format into another."""

import argparse
from pathlib import Path

import torch

from llm_layers.commands.inputs import check_tokenizer, read_model, stored_types, tokenizer_beside
from llm_layers.commands.outputs import check_model, check_new
from llm_layers.formats.gguf.saving import save_gguf
from llm_layers.formats.gguf.tensor_types import TYPES, encode
from llm_layers.formats.huggingface.storage import save_model
from llm_layers.formats.loading import load_config, text_ends
from llm_layers.interface import LayersError
from llm_tokenizer import save_tokenizer
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.files.gguf_writing import GgufVocabulary

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FILES = (".bin", ".ckpt", ".json", ".onnx", ".pt", ".pth", ".safetensors")
"""Endings that no folder has."""
GGUF_NAMES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "q8_0": "Q8_0"}


def run(options: argparse.Namespace, progress: Progress) -> str:
    """Read, convert, write; a tokenizer beside the model is converted too."""
    target = Path(options.target)
    to_gguf = target.suffix.lower() == ".gguf"
    if target.suffix.lower() in FILES or (target.is_file() and not to_gguf):
        raise LayersError(
            f"TARGET must be a new folder or end with .gguf, but was '{target}', the name of another file"
        )
    if not to_gguf and options.dtype == "q8_0":
        raise LayersError("TARGET must end with .gguf for the dtype q8_0, because model folders have no such dtype")
    check_new(target, replace=options.replace)
    config = load_config(options.source)
    check_model(config, target)
    tokenizer = tokenizer_beside(options.source)
    ends = text_ends(options.source, tokenizer if to_gguf else None)
    check_tokenizer(tokenizer, config, ends if to_gguf else None)
    model = read_model(options.source, config, progress)
    stored = stored_types(options.source, model.embedding.table.dtype)
    written = options.dtype or str(model.embedding.table.dtype).removeprefix("torch.")
    progress(f"writing {target.name}")
    dtype = options.dtype and GGUF_NAMES[options.dtype]
    if to_gguf:
        save_gguf(model, target, tokenizer=tokenizer, dtype=dtype, vocabulary=GgufVocabulary(**ends))
        size = target.stat().st_size
    else:
        for name, weight in model.named_parameters() if dtype else ():  # a value beyond the dtype is refused there too
            encode(TYPES[dtype], name, weight.detach().abs().max().float().numpy())
        save_model(model.to(DTYPES[options.dtype]) if dtype else model, target, **ends)
        if tokenizer is not None:
            save_tokenizer(tokenizer, target)
        size = sum(file.stat().st_size for file in target.iterdir())
    words = "with its tokenizer" if tokenizer is not None else "without a tokenizer: there was none beside the model"
    line = f"{target}: {size / 2**20:,.1f} MiB, {words}"
    return f"{line}\n{stored}, written as {written}" if stored else line
