"""A `Decoder` as a GGUF file."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.blocks import Floats
from llm_layers.formats.gguf.families import family_of
from llm_layers.formats.gguf.file import naming
from llm_layers.formats.gguf.layout import Layout, stacked
from llm_layers.formats.gguf.rope_metadata import DIVISORS
from llm_layers.formats.gguf.tensor_types import TYPES, WRITTEN
from llm_layers.formats.gguf.writing import TensorToWrite, write_gguf
from llm_layers.formats.weights import saveable_weights
from llm_layers.interface import LayersError
from llm_layers.model import Decoder
from llm_tokenizer import Tokenizer, TokenizerError
from llm_tokenizer.files.gguf_writing import GgufVocabulary, no_vocabulary, vocabulary_entries
from llm_tokenizer.files.writing import write_errors_as

NAMES_OF_DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
QUANTIZATION_VERSION = 2
ALWAYS_F32 = ("positions.table", ".router.weight")  # the matrices that no reader expects in another type


def save_gguf(
    model: Decoder,
    path: str | os.PathLike[str],
    *,
    tokenizer: Tokenizer | None = None,
    dtype: str | None = None,
    vocabulary: GgufVocabulary | None = None,
) -> None:
    """Write a model as one GGUF file, which llama.cpp and all that is built on it run as it is.

    The file is written under another name and then renamed, one tensor after the other: no more than one of them is in
    memory a second time.

    Args:
        model: of the design of Llama, Mistral without a window, Qwen 2, Qwen 3, Qwen3-MoE, OLMo 2, Gemma 3 or GPT-2.
        path: the file; one of the same name is replaced.
        tokenizer: goes into the same file, so that the file can encode text; None writes a file without one. The
            format knows no Unicode normalization: texts for a tokenizer with one must be normalized before.
        dtype: "F32", "F16", "BF16" or "Q8_0" for the matrices, in any case; None keeps the one that each has, and F32
            where several that go into one tensor differ. Norms, biases, learned positions and routers are always F32:
            they are small, and readers expect it.
        vocabulary: at which ids a text begins and ends, and the chat template; None takes what the tokenizer's special
            tokens are (`llm_tokenizer.files.gguf_writing`).

    Raises:
        LayersError: naming what the format cannot express, or the weight that `dtype` cannot hold; an old file is left
            as it was.
    """
    path = Path(path)
    weights = saveable_weights(model)
    stored = {name: NAMES_OF_DTYPES.get(weight.dtype, str(weight.dtype)) for name, weight in weights.items()}
    kinds = stored if dtype is None else dict.fromkeys(stored, dtype.upper())
    for kind in kinds.values():
        if kind not in WRITTEN:
            raise LayersError(f"dtype must be one of {', '.join(WRITTEN)}, but was {kind!r}")
    family = family_of(model.config)
    metadata = family.write_config(model.config)
    tensors = _tensors(weights, model.config, family, kinds)
    general = {
        "general.architecture": family.name,
        "general.type": "model",
        "general.file_type": TYPES[kinds["embedding.table"]].file_type,  # one for all: that of most weights, as a rule
        "general.quantization_version": QUANTIZATION_VERSION,
    }
    try:
        words = (
            no_vocabulary()
            if tokenizer is None
            else vocabulary_entries(tokenizer, model.vocab_size, vocabulary or GgufVocabulary())
        )
    except TokenizerError as error:
        raise LayersError(str(error)) from None
    with write_errors_as(LayersError, path), naming(path):
        write_gguf(path, general | metadata | words, tensors)


def _tensors(
    weights: Mapping[str, Tensor], config: ModelConfig, family: Layout, kinds: Mapping[str, str]
) -> list[TensorToWrite]:
    """Return for each tensor what it is, and how its values are computed when it is written."""
    tensors = []
    for stored, parts in family.groups(weights).items():
        shape = stacked([tuple(weights[name].shape) for name in parts])
        first, *others = (kinds[name] for name in parts)
        plain = len(shape) == 1 or parts[0].endswith(ALWAYS_F32) or set(others) - {first}
        kind = TYPES["F32" if plain else first]
        values = partial(_values, family, parts, weights, config)
        tensors.append(TensorToWrite(name=stored, kind=kind, shape=shape, values=values))
    divisors = family.divisors(config)
    if divisors is not None:
        kept: Floats = divisors
        tensors.append(TensorToWrite(name=DIVISORS, kind=TYPES["F32"], shape=kept.shape, values=lambda: kept))
    return tensors


def _values(family: Layout, parts: list[str], weights: Mapping[str, Tensor], config: ModelConfig) -> Floats:
    """Return what a tensor of the file holds."""
    found: list[Any] = [
        family.to_stored(name, weights[name].to("cpu", torch.float32).numpy(), config) for name in parts
    ]
    return np.concatenate(found) if len(found) > 1 else np.ascontiguousarray(found[0])
