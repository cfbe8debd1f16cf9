"""Embedding: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import variant


@variant("layers.embedding", "one-hot product")
def one_hot_product(ids: Any, table: Any) -> Any:
    return F.one_hot(ids, len(table)).to(table.dtype) @ table


@variant("layers.embedding", "index_select")
def index_select(ids: Any, table: Any) -> Any:
    return table.index_select(0, ids.reshape(-1)).reshape(*ids.shape, table.shape[1])


@variant("layers.tied_head", "matrix product")
def matrix_product(x: Any, table: Any) -> Any:
    return x @ table.transpose(0, 1)


@variant("layers.tied_head", "einsum")
def by_einsum(x: Any, table: Any) -> Any:
    return torch.einsum("td,...d->...t", table, x)


@variant("layers.tied_head", "row by row")
def row_by_row(x: Any, table: Any) -> Any:
    return torch.stack([(x * row).sum(-1) for row in table], -1)


@variant("layers.tied_head", "NumPy", arrays="numpy")
def by_inner(x: Any, table: Any) -> Any:
    return np.inner(x, table)
