"""The update ratio by torch's norm of one long vector, and in decimal numbers."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, Any]


class TorchWitness:
    """torch.dist of two long vectors."""

    @staticmethod
    def update_ratio(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
        old, new = (torch.cat([one.flatten() for one in some]) for some in (before, after))
        moved, length = torch.dist(new, old).item(), old.norm().item()
        return float(np.float64(moved) / length) if length else float("inf" if moved else 0.0)


class DecimalWitness:
    """Numbers of 60 digits."""

    @staticmethod
    def update_ratio(before: Sequence[Array], after: Sequence[Array]) -> float:
        with localcontext(prec=60):
            old, new = ([Decimal(x) for one in some for x in one.reshape(-1).tolist()] for some in (before, after))
            moved = sum(((y - x) ** 2 for x, y in zip(old, new, strict=True)), Decimal(0))
            length = sum((x**2 for x in old), Decimal(0))
            return float((moved / length).sqrt()) if length else float("inf" if moved else 0.0)
