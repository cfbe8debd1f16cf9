"""What verbs that read a model have in common: its config first, its weights when all else is known to be right."""

from pathlib import Path

import torch

from llm_layers.commands.stages import Stages
from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.file import read_gguf
from llm_layers.formats.huggingface.storage import load_model
from llm_layers.inspection.costs import parameter_count
from llm_layers.model import Decoder


def read_model(name: str, config: ModelConfig, stages: Stages, *, dtype: torch.dtype | None = None) -> Decoder:
    """Read the weights, and say so."""
    stages(f"reading {Path(name).name} ({in_words(parameter_count(config))} weights)")
    return load_model(name, dtype=dtype)


def stored_types(name: str, read: torch.dtype) -> str | None:
    """Say how a GGUF file stores its matrices; None for a folder, and where they are read as they are stored."""
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
    """Give a count in three digits and a word: 135 million."""
    for word in ("", " thousand", " million", " billion", " trillion"):
        if number < 999.5:
            return f"{number:,.3g}{word}"
        number /= 1000
    return f"{number:,.3g} quadrillion"
