"""A GGUF file as a `Decoder`."""

import os
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.families import family_named
from llm_layers.formats.gguf.file import GgufFile, StoredTensor, naming, read_gguf
from llm_layers.formats.gguf.layout import Layout, stacked
from llm_layers.formats.gguf.rope_metadata import DIVISORS
from llm_layers.formats.weights import check_shapes
from llm_layers.interface import LayersError
from llm_layers.kernels import EAGER, Kernels
from llm_layers.model import Decoder

EMBEDDING, HEAD = "token_embd.weight", "output.weight"


def load_gguf(path: str | os.PathLike[str], *, dtype: torch.dtype = torch.float32, kernels: Kernels = EAGER) -> Decoder:
    """Read a model from a GGUF file: Llama, Qwen 2, Qwen 3, Qwen3-MoE, OLMo 2, Gemma 3 or GPT-2.

    Quantized weights are converted to plain ones, so the model takes the memory of its `dtype`, not that of the file.
    The tokenizer in the same file is read by `llm_tokenizer.load_tokenizer(path)`.

    Args:
        path: the file; its tensors may be F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K.
        dtype: of the weights; float32 holds exactly what the file holds.
        kernels: the functions that compute it: `EAGER`, `FUSED` or `FAST`.

    Raises:
        LayersError: the file is missing or damaged; or it holds a setting that could change the result and that our
            model cannot express; or naming every missing, unexpected and misshapen tensor at once.
    """
    path = Path(path)
    file = read_gguf(path)
    with naming(path):
        family, config, tensors = _checked(file)
        with torch.device("meta"):
            model = Decoder(config, kernels=kernels)
        ours = {name: tuple(weight.shape) for name, weight in model.named_parameters()}
        groups = family.groups(ours)
        wanted = {stored: stacked([ours[name] for name in parts]) for stored, parts in groups.items()}
        check_shapes("the tensors do not fit the metadata", wanted, {name: t.shape for name, t in tensors.items()})
        weights: dict[str, Tensor] = {}
        for stored, parts in groups.items():
            ends = np.cumsum([ours[name][0] for name in parts])
            for name, numbers in zip(parts, np.split(tensors[stored].values(), ends[:-1]), strict=True):
                # A copy: never a view of a file that somebody may change.
                weights[name] = torch.tensor(family.from_stored(name, numbers, config), dtype=dtype)
        model.load_state_dict(weights, assign=True)
    return model


def load_gguf_config(path: str | os.PathLike[str]) -> ModelConfig:
    """Read the shape of the model in a GGUF file; its weights are not read.

    Raises:
        LayersError: as `load_gguf`.
    """
    path = Path(path)
    file = read_gguf(path)
    with naming(path):
        return _checked(file)[1]


def _checked(file: GgufFile) -> tuple[Layout, ModelConfig, dict[str, StoredTensor]]:
    """Return layout, shape and tensors, once no setting asks for more than the file holds."""
    metadata: dict[str, Any] = dict(file.metadata)
    if metadata.get("general.type", "model") != "model":
        raise LayersError(
            f"general.type must be 'model', but was {metadata['general.type']!r:.60}: use the model's file"
        )
    if metadata.pop("split.count", 0) not in (0, 1):
        raise LayersError("split.count must be 1, but the file is one of several: join them with llama-gguf-split")
    for key in ("split.no", "split.tensors.count"):
        metadata.pop(key, None)
    family = family_named(metadata.get("general.architecture"))
    tensors = dict(file.tensors)
    if EMBEDDING not in tensors:
        raise LayersError(f"the file must hold the tensor {EMBEDDING}, but does not: get the whole model")
    divisors = tensors.pop(DIVISORS, None) if family.divided_frequencies else None
    config = family.read_config(
        metadata,
        None if divisors is None else divisors.values(),
        vocab=tensors[EMBEDDING].shape[0],
        tied=HEAD not in tensors,
    )
    # A damaged number must not make us build a million blocks, not even empty ones, before they are found missing.
    widest = max(max(tensor.shape) for tensor in tensors.values())
    numbers = sum(prod(tensor.shape) for tensor in tensors.values())
    experts = config.experts
    for name, size, most in (
        ("block_count", config.layers, len(tensors)),
        ("embedding_length", config.d_model, widest),
        ("feed_forward_length", config.d_ff, 1 << 32 if experts else widest),  # no tensor of a mixture is so wide
        ("expert_count · expert_feed_forward_length", experts.count * experts.d_expert if experts else 0, numbers),
        ("attention.head_count · attention.key_length", config.heads * config.d_head, 3 * widest),
        ("context_length", config.context_length, 1 << 32),
    ):
        if size > most:
            raise LayersError(
                f"{family.name}.{name} must be at most {most} in this file, but was {size}: get the file again"
            )
    return family, config, tensors
