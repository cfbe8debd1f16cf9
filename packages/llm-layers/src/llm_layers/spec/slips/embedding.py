"""Mistakes with embeddings."""

from typing import Any

import numpy as np
from torch.nn import functional as F

from llm_tokenizer.spec import slip


@slip("layers.embedding", "row 0 as padding", "id 0 is taken for padding: its row gets no gradient (padding_idx=0)")
def padding_row(ids: Any, table: Any) -> Any:
    return F.embedding(ids, table, padding_idx=0)


@slip("layers.embedding", "scaled by √d_model", "the rows are multiplied by √d_model, as in the first transformer")
def scaled(ids: Any, table: Any) -> Any:
    return F.embedding(ids, table) * table.shape[1] ** 0.5


@slip("layers.embedding", "ids counted from 1", "ids are counted from 1: every token gets the row before its own")
def from_one(ids: Any, table: Any) -> Any:
    return table[ids - 1]


@slip("layers.embedding", "rows cut to length one", "the rows are normalised while they are looked up (max_norm)")
def cut(ids: Any, table: Any) -> Any:
    rows = F.embedding(ids, table)
    return rows / rows.norm(dim=-1, keepdim=True).clamp(min=1)


@slip("layers.embedding", "gradient written, not added", "equal ids overwrite each other's gradient", backward=True)
def written(dy: Any, ids: Any, table: Any) -> Any:
    dtable = np.zeros(table.shape)
    dtable[ids] = dy
    return dtable


@slip("layers.embedding", "buffered +=", "dtable[ids] += dy adds only once per id; np.add.at adds each", backward=True)
def buffered(dy: Any, ids: Any, table: Any) -> Any:
    dtable = np.zeros(table.shape)
    dtable[ids] += dy
    return dtable


@slip("layers.embedding", "gradient averaged", "the uses of a row are averaged instead of summed", backward=True)
def averaged(dy: Any, ids: Any, table: Any) -> Any:
    dtable = np.zeros(table.shape)
    np.add.at(dtable, ids, dy)
    return dtable / np.maximum(np.bincount(ids.reshape(-1), minlength=len(table)), 1)[:, None]
