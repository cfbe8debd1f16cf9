"""The decoder runs through the real module, the real settings reader and the real names."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from llm_layers import EAGER, Decoder, Kernels, read_settings
from llm_layers.formats.huggingface.registry import architecture_of

__all__ = ["decoder"]


def decoder(
    ids: Tensor,
    settings: Mapping[str, Any],
    layout: Sequence[Sequence[Any]],
    weights: Tensor,
    kernels: Kernels = EAGER,
) -> Tensor:
    """Run `Decoder` with these weights in the place of its own."""
    with torch.device("meta"):
        model = Decoder(read_settings(settings), kernels=kernels)
    parts = weights.split([prod(shape) for _, shape in layout])  # type: ignore[no-untyped-call]
    public = {name: part.reshape(shape) for (name, shape), part in zip(layout, parts, strict=True)}
    ours = architecture_of(model.config).from_public(public, dict(model.named_parameters()))
    logits: Tensor = torch.func.functional_call(model, ours, (ids,))
    return logits
