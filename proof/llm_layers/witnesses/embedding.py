"""Embedding through torch's own kernels."""

from typing import Any

from torch.nn import functional as F


def embedding(ids: Any, table: Any) -> Any:
    return F.embedding(ids, table)


def tied_head(x: Any, table: Any) -> Any:
    return F.linear(x, table)
