"""Clipping, written otherwise."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("train.clip_gradients")

Array = np.ndarray[Any, Any]


@variant("torch's own, with 1e-6 added to the norm")
def torchs_own(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
    parameters = [torch.nn.Parameter(gradient.clone()) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
    return [parameter.grad for parameter in parameters if parameter.grad is not None], norm


@variant("norm of the norms", arrays="numpy")
def norm_of_norms(gradients: Sequence[Array], limit: float) -> tuple[tuple[Array, ...], float]:
    norm = math.hypot(*(float(np.linalg.norm(gradient.reshape(-1))) for gradient in gradients))
    if norm <= limit:
        return tuple(gradients), norm
    return tuple(gradient / (norm / limit) for gradient in gradients), norm


@variant("one long vector")
def one_vector(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    return [gradient * (limit / norm).clamp(max=1) for gradient in gradients], norm


@variant("norms in float32 at least, one factor for all")
def one_factor(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
    wide = torch.promote_types(gradients[0].dtype, torch.float32)
    norms = [torch.linalg.vector_norm(gradient, dtype=wide) for gradient in gradients]
    norm = torch.linalg.vector_norm(torch.stack(norms))
    factor = (limit / torch.maximum(norm, torch.tensor(limit, dtype=wide))).item()
    return [gradient * factor for gradient in gradients], norm
