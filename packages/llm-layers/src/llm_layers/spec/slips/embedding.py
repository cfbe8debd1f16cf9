"""Mistakes with embeddings and with the head that is tied to them."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference import tied_head_backward
from llm_tokenizer.conformance import slip


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


@slip("layers.tied_head", "a copy of the table", "the head has a copy of the table: its gradient never reaches it")
def copied(x: Any, table: Any) -> Any:
    return F.linear(x, table.detach().clone())


@slip("layers.tied_head", "divided by √d_model", "the logits are divided by √d_model, as the scores of attention are")
def divided(x: Any, table: Any) -> Any:
    return F.linear(x, table) / table.shape[1] ** 0.5


@slip("layers.tied_head", "multiplied by √d_model", "the factor that scales the embedding is applied at the head too")
def multiplied(x: Any, table: Any) -> Any:
    return F.linear(x, table) * table.shape[1] ** 0.5


@slip("layers.tied_head", "table transposed", "the table is turned round: columns are compared where rows belong")
def transposed(x: Any, table: Any) -> Any:
    return F.linear(x, table.T)


@slip("layers.tied_head", "cosines", "rows and vectors are normalised first: these are cosines, not logits")
def cosines(x: Any, table: Any) -> Any:
    return F.linear(F.normalize(x, dim=-1), F.normalize(table, dim=-1))


@slip("layers.tied_head", "probabilities", "a softmax is taken already: the loss will take it again")
def probabilities(x: Any, table: Any) -> Any:
    return F.linear(x, table).softmax(-1)


@slip("layers.tied_head", "distances", "the squared distance to each row is taken instead of the dot product")
def distances(x: Any, table: Any) -> Any:
    return -(x[..., None, :] - table).square().sum(-1)


@slip("layers.tied_head", "row 0 as padding", "token 0 is taken for padding and can never be the answer")
def padding(x: Any, table: Any) -> Any:
    logits = F.linear(x, table)
    return torch.cat([torch.full_like(logits[..., :1], -1e4), logits[..., 1:]], -1)


@slip("layers.tied_head", "gradient averaged", "the table's gradient is the mean over the vectors", backward=True)
def head_averaged(dy: Any, x: Any, table: Any) -> Any:
    dx, dtable = tied_head_backward(dy, x, table)
    return dx, dtable / max(x.size // x.shape[-1], 1)


@slip("layers.tied_head", "best row only", "only the row of the largest logit gets a gradient", backward=True)
def best_row(dy: Any, x: Any, table: Any) -> Any:
    dx, _ = tied_head_backward(dy, x, table)
    best = np.eye(len(table))[(x @ table.T).argmax(-1)]
    return dx, tied_head_backward(dy * best, x, table)[1]


@slip("layers.tied_head", "gradient for x only", "the table learns from the lookup alone", backward=True)
def lookup_only(dy: Any, x: Any, table: Any) -> Any:
    return tied_head_backward(dy, x, table)[0], np.zeros(table.shape)
