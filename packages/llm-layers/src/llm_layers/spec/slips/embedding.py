"""Mistakes with embeddings and with the head that is tied to them."""

from functools import partial
from typing import Any

import numpy as np
from torch.nn import functional as F

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.embedding")
slip("row 0 as padding", "id 0 is taken for padding: its row gets no gradient (padding_idx=0)")(
    partial(F.embedding, padding_idx=0)
)
slip("scaled by √d_model", "the rows are multiplied by √d_model, as in the first transformer")(
    lambda ids, table: F.embedding(ids, table) * table.shape[1] ** 0.5
)
slip("ids counted from 1", "ids are counted from 1: every token gets the row before its own")(
    lambda ids, table: table[ids - 1]
)


@slip(
    "gradient written, not added", "dtable[ids] += dy adds only once for equal ids; np.add.at adds each", backward=True
)
def buffered(dy: Any, ids: Any, table: Any) -> Any:
    dtable = np.zeros(table.shape)
    dtable[ids] += dy
    return dtable


@slip("gradient averaged", "the uses of a row are averaged instead of summed", backward=True)
def averaged(dy: Any, ids: Any, table: Any) -> Any:
    dtable = np.zeros(table.shape)
    np.add.at(dtable, ids, dy)
    return dtable / np.maximum(np.bincount(ids.reshape(-1), minlength=len(table)), 1)[:, None]


slip = SLIPS.of("layers.tied_head")
slip("a copy of the table", "the head has a copy of the table: its gradient never reaches it")(
    lambda x, table: F.linear(x, table.detach().clone())
)
slip("divided by √d_model", "the logits are divided by √d_model, as the scores of attention are")(
    lambda x, table: F.linear(x, table) / table.shape[1] ** 0.5
)
slip("multiplied by √d_model", "the factor that scales the embedding is applied at the head too")(
    lambda x, table: F.linear(x, table) * table.shape[1] ** 0.5
)
slip("table transposed", "the table is transposed: columns are compared where rows belong")(
    lambda x, table: F.linear(x, table.T)
)
slip("cosines", "rows and vectors are normalized first: these are cosines, not logits")(
    lambda x, table: F.linear(F.normalize(x, dim=-1), F.normalize(table, dim=-1))
)
slip("probabilities", "a softmax is taken already: the loss will take it again")(
    lambda x, table: F.linear(x, table).softmax(-1)
)
