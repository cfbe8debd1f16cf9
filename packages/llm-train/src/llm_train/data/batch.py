"""A batch: some rows of tokens, what is to be predicted at each, and what else an objective needs to know about them.

tokens     4  9  2  7      one row of four positions
targets    9  2  7  -100   what follows each token; -100 is not counted
documents  0  0  1  1      attention stays within equal numbers
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor

from llm_layers.layers.loss import IGNORE_INDEX
from llm_train.interface import TrainError

__all__ = ["IGNORE_INDEX", "Batch"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Rows that are trained on together; the first axis of every tensor is the row.

    Why it works:
        A loss that is a sum over counted targets, divided once by the count of all, does not depend on how the rows
        are cut into parts. So one batch can be split over threads, passes and machines, and this record is what is
        split: whatever belongs to a row goes with it.

    Raises:
        TrainError: the shapes or types of the tensors do not fit together.
    """

    tokens: Tensor
    """(rows, positions), int64."""
    targets: Tensor
    """What follows each token, in the same shape; `IGNORE_INDEX` where nothing is to be predicted."""
    weights: Tensor | None = None
    """How much each target counts, a float for each; None: each counts 1."""
    documents: Tensor | None = None
    """The number of the document of each token, a whole number; None: attention does not stop at documents."""
    row_keys: Tensor | None = None
    """One int64 for each row, from which its random draws (dropout) follow; None: there are none."""
    extras: Mapping[str, Tensor] = field(default_factory=dict)
    """What else an objective needs, by name."""

    def __post_init__(self) -> None:
        if self.tokens.dim() != 2 or self.tokens.dtype != torch.int64:
            raise TrainError(f"tokens must be int64 in (rows, positions), was {_described(self.tokens)}")
        for name in ("targets", "weights", "documents"):
            given = getattr(self, name)
            if given is not None and (given.shape != self.tokens.shape or not _fits(name, given.dtype)):
                wanted = "floats" if name == "weights" else "int64" if name == "targets" else "whole numbers"
                raise TrainError(
                    f"{name} must be {wanted} in the shape of tokens {tuple(self.tokens.shape)}, "
                    f"was {_described(given)}"
                )
        if self.row_keys is not None and (self.row_keys.shape != (self.rows,) or self.row_keys.dtype != torch.int64):
            raise TrainError(f"row_keys must be {self.rows} int64 numbers, was {_described(self.row_keys)}")
        for name, extra in self.extras.items():
            if extra.dim() == 0 or len(extra) != self.rows:
                raise TrainError(f"extras[{name!r}] must have {self.rows} rows, was {_described(extra)}")

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.tokens)

    def split(self, parts: int) -> list["Batch"]:
        """Cut the batch into this many parts, in order; their sizes differ by one row at most, larger ones first.

        There are fewer parts where there are fewer rows, since none is empty. The parts share memory with the batch.
        """
        if parts < 1:
            raise TrainError(f"a batch can be cut into 1 or more parts, was {parts}")
        bounds = [
            (int(part[0]), int(part[-1]) + 1) for part in np.array_split(np.arange(self.rows), parts) if len(part)
        ]
        return [self._each(itemgetter(slice(*bound))) for bound in bounds] or [self]

    def cut(self, length: int) -> "Batch":
        """Return the first so many positions of each row, at most all of them; keys stay, since they are of the row.

        Raises:
            TrainError: the batch has extras, of which only an objective knows what belongs to which position.
        """
        if self.extras:
            raise TrainError(f"a batch with extras ({', '.join(self.extras)}) cannot be cut to shorter rows")
        whole = replace(self, row_keys=None)._each(lambda tensor: tensor[:, :length].contiguous())
        return replace(whole, row_keys=self.row_keys)

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on a device; the copy from pinned memory does not wait."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def _each(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        def optional(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else function(tensor)

        return Batch(
            tokens=function(self.tokens),
            targets=function(self.targets),
            weights=optional(self.weights),
            documents=optional(self.documents),
            row_keys=optional(self.row_keys),
            extras={name: function(tensor) for name, tensor in self.extras.items()},
        )


def _fits(name: str, dtype: torch.dtype) -> bool:
    if name == "targets":
        return dtype == torch.int64
    return dtype.is_floating_point == (name == "weights") and dtype != torch.bool and not dtype.is_complex


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} in {tuple(tensor.shape)}"
