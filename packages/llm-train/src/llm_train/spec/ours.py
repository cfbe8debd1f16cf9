"""Our own functions under the contracts' names.

An update of ours saves memory and works in place, and a contract leaves its arguments alone: it is checked on copies.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from llm_train.combining import combine as combine_parts
from llm_train.data import documents, keys, packing, windows
from llm_train.data.holding_out import hold_out
from llm_train.data.permutation import permuted
from llm_train.interface import Part
from llm_train.measures import bits_per_byte, perplexity
from llm_train.optimizers import (
    adamw_update,
    clip_gradients,
    ema_update,
    muon_update,
    sgd_update,
    update_loss_scale,
    update_ratio,
)
from llm_train.optimizers.muon import Polynomials
from llm_train.optimizers.muon import orthogonalize as orthogonalize_stack
from llm_train.schedule import batch_size, sequence_length, warmup_cosine, warmup_linear, warmup_stable_decay
from llm_train.spec.tiny_training import first_losses

__all__ = [
    "SPEC_ARRAYS", "adamw", "batch_size", "bits_per_byte", "clip_gradients", "combine", "document_targets", "ema",
    "first_losses", "hold_out", "loss_scale", "muon", "orthogonalize", "pack_documents", "permutation", "perplexity",
    "row_keys", "sequence_length", "sgd", "update_ratio", "warmup_cosine", "warmup_linear", "warmup_stable_decay",
    "window_starts",
]  # fmt: skip

SPEC_ARRAYS = "torch"


def adamw(
    parameter: Tensor,
    gradient: Tensor,
    first_moment: Tensor,
    second_moment: Tensor,
    step: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Update copies."""
    new = parameter.clone(), first_moment.clone(), second_moment.clone()
    adamw_update(
        new[0], gradient, new[1], new[2], step,
        learning_rate=learning_rate, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay,
    )  # fmt: skip
    return new


def sgd(
    parameter: Tensor,
    gradient: Tensor,
    velocity: Tensor,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> tuple[Tensor, Tensor]:
    """Update copies."""
    new = parameter.clone(), velocity.clone()
    settings = {"learning_rate": learning_rate, "momentum": momentum, "weight_decay": weight_decay}
    sgd_update(new[0], gradient, new[1], **settings, nesterov=nesterov)
    return new


def orthogonalize(matrix: Tensor, polynomials: Polynomials, margin: float, eps: float) -> Tensor:
    """Take a stack of one matrix."""
    return orthogonalize_stack(matrix[None], matrix.dtype, polynomials=polynomials, margin=margin, eps=eps)[0]


def muon(
    parameter: Tensor,
    gradient: Tensor,
    direction: Tensor,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
    polynomials: Polynomials,
    margin: float,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """Update copies, a stack of one matrix."""
    new, mean = parameter.clone(), direction.clone()
    muon_update(
        [new], [gradient], mean[None],
        learning_rate=learning_rate, momentum=momentum, weight_decay=weight_decay, dtype=parameter.dtype,
        polynomials=polynomials, margin=margin, eps=eps,
    )  # fmt: skip
    return new, mean


def ema(average: Tensor, parameter: Tensor, step: int, decay: float) -> Tensor:
    """Update a copy."""
    new = average.clone()
    ema_update(new, parameter, step, decay=decay)
    return new


def loss_scale(
    scale: float, good_steps: int, found_inf: bool, growth: float, backoff: float, interval: int
) -> tuple[float, int]:
    """Name the settings."""
    return update_loss_scale(scale, good_steps, found_inf, growth=growth, backoff=backoff, interval=interval)


def combine(sums: Sequence[float], counts: Sequence[float], gradients: Sequence[Tensor]) -> tuple[float, Tensor, float]:
    """Combine the gradients of one weight."""
    named = ({"weight": gradient} for gradient in gradients)
    parts = [Part(*part) for part in zip(sums, counts, named, strict=True)]
    loss, combined, count = combine_parts(parts)
    return loss, combined["weight"], count


def permutation(index: Tensor, size: int, key: int) -> Tensor:
    """Look the places up in NumPy, where batches are cut."""
    return torch.from_numpy(permuted(index.numpy(), size, key))


def row_keys(seed: int, pass_number: int, rows: Tensor) -> Tensor:
    """Compute the keys in NumPy."""
    return torch.from_numpy(keys.row_keys(seed, pass_number, rows.numpy()))


def window_starts(samples: Tensor, tokens: int, context_length: int, seed: int) -> Tensor:
    """Look the starts up in NumPy."""
    return torch.from_numpy(windows.window_starts(samples.numpy(), tokens, context_length, seed))


def document_targets(tokens: Tensor, ends: Tensor, separator: int | None) -> tuple[Tensor, Tensor]:
    """Find targets and documents in NumPy."""
    targets, numbers = documents.document_targets(tokens.numpy(), ends.numpy(), separator)
    return torch.from_numpy(targets), torch.from_numpy(numbers)


def pack_documents(lengths: Tensor, context_length: int) -> tuple[Tensor, ...]:
    """Pack in NumPy."""
    return tuple(map(torch.from_numpy, packing.pack_documents(lengths.numpy(), context_length)))
