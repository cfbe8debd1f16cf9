"""The accumulation rule by torch, as a weighted mean of the parts' means, and in fractions."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, Any]


class TorchWitness:
    """Each part's mean counts as much as it has targets."""

    @staticmethod
    def combine(
        sums: Sequence[float], counts: Sequence[float], gradients: Sequence[Tensor]
    ) -> tuple[float, Tensor, float]:
        total = torch.tensor(counts, dtype=torch.float64).sum()
        shares = torch.tensor(counts, dtype=torch.float64) / total.clamp(min=1e-300)
        means = [(one / n, gradient / n) if n else (0.0, gradient) for one, n, gradient in
                 zip(sums, counts, gradients, strict=True)]  # fmt: skip
        loss = sum(share.item() * mean for share, (mean, _) in zip(shares, means, strict=True))
        stack = torch.stack([gradient for _, gradient in means])
        return float(loss), torch.tensordot(shares.to(stack.dtype), stack, 1), total.item()


class DecimalWitness:
    """Numbers of 60 digits."""

    @staticmethod
    def combine(
        sums: Sequence[float], counts: Sequence[float], gradients: Sequence[Array]
    ) -> tuple[float, Array, float]:
        with localcontext(prec=60):
            count = sum(map(Decimal, counts), Decimal(0))
            divisor = count or Decimal(1)
            loss = sum(map(Decimal, sums), Decimal(0)) / divisor
            columns = zip(*(gradient.reshape(-1).tolist() for gradient in gradients), strict=True)
            found = [float(sum(map(Decimal, column), Decimal(0)) / divisor) for column in columns]
        return float(loss), np.array(found, dtype=float).reshape(gradients[0].shape), float(count)
