"""What the verbs read: a model (its config first, its weights when all else is right), its tokenizer, and a text."""

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.file import read_gguf
from llm_layers.formats.loading import load_model
from llm_layers.inspection.costs import parameter_count
from llm_layers.inspection.text import checked_ids, ids_of, label_of_id, tokenizer_of
from llm_layers.interface import LayersError
from llm_layers.model import Decoder
from llm_tokenizer import Tokenizer, TokenizerError, load_tokenizer, save_tokenizer
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.corpus.unicode_decoding import decoded_blocks
from llm_tokenizer.files.gguf_writing import GgufVocabulary, vocabulary_entries

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "encoder.json")


def read_model(name: str, config: ModelConfig, progress: Progress, *, dtype: torch.dtype | None = None) -> Decoder:
    """Load a model and report it."""
    progress(f"reading {Path(name).name} ({in_words(parameter_count(config))} weights)")
    return load_model(name, dtype=dtype)


def stored_types(name: str, read: torch.dtype) -> str | None:
    """Return how a GGUF file stores its matrices; None for a folder, and where they are read as they are stored."""
    path = Path(name)
    if not path.is_file():
        return None
    kinds: dict[str, int] = {}
    for tensor in read_gguf(path).tensors.values():
        if len(tensor.shape) > 1:  # norms and biases are always F32
            kinds[tensor.kind.name] = kinds.get(tensor.kind.name, 0) + tensor.data.nbytes
    if set(kinds) <= {"F32"}:
        return None
    first, *others = sorted(kinds, key=lambda kind: -kinds[kind])
    also = f" (some as {', '.join(others)})" if others else ""
    return f"weights stored as {first}{also}, read as {str(read).removeprefix('torch.')}"


def in_words(number: float) -> str:
    """Return a count in three digits and a word: 135 million."""
    for word in ("", " thousand", " million", " billion", " trillion"):
        if number < 999.5:
            return f"{number:,.3g}{word}"
        number /= 1000
    return f"{number:,.3g} quadrillion"


def text_of(options: argparse.Namespace) -> str | None:
    """Return the text that was given, itself or as a file; None for ids."""
    if options.file is None:
        text: str | None = options.text
        return text
    return "".join(decoded_blocks(options.file, keep_mark=True))


def read_text(options: argparse.Namespace, model: str, config: ModelConfig) -> tuple[Tensor, list[str]]:
    """Return ids, and a label for each."""
    text = text_of(options)
    if text is not None:
        return ids_of(text, model, config)
    return checked_ids(options.ids, config), [*map(labeler(model), options.ids)]


def labeler(model: str) -> Callable[[int], str]:
    """Return a function from an id to its label; without a tokenizer that is its number."""
    try:
        tokenizer = tokenizer_of(model)
    except LayersError:
        return str
    return lambda id: label_of_id(id, tokenizer)


def check_tokenizer(tokenizer: Tokenizer | None, config: ModelConfig, ends: dict[str, Any] | None) -> None:
    """Refuse a tokenizer that could not be written, before a weight is read; `ends` is given for a GGUF file."""
    try:
        if tokenizer is not None and ends is not None:
            vocabulary_entries(tokenizer, config.vocab_size, GgufVocabulary(**ends))
        elif tokenizer is not None:
            with TemporaryDirectory() as folder:
                save_tokenizer(tokenizer, folder)
    except TokenizerError as error:
        if not isinstance(error.__context__, OSError):  # a full disk says nothing of the tokenizer
            raise


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
