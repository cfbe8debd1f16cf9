"""Our own functions under the contracts' names."""

import torch
from torch import Tensor

from llm_train.data import documents, keys, packing, windows
from llm_train.data.holding_out import hold_out
from llm_train.data.permutation import permuted
from llm_train.optimizers import adamw_update, clip_gradients
from llm_train.schedule import warmup_cosine, warmup_stable_decay

__all__ = [
    "SPEC_ARRAYS", "adamw", "clip_gradients", "document_targets", "hold_out", "pack_documents", "permutation",
    "row_keys", "warmup_cosine", "warmup_stable_decay", "window_starts",
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
    """Update copies: ours saves memory and works in place, and a contract leaves its arguments alone."""
    new = parameter.clone(), first_moment.clone(), second_moment.clone()
    adamw_update(
        new[0], gradient, new[1], new[2], step,
        learning_rate=learning_rate, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay,
    )  # fmt: skip
    return new


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
