"""Embedding: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.embedding")
variant("one-hot product")(lambda ids, table: F.one_hot(ids, len(table)).to(table.dtype) @ table)
variant("index_select")(lambda ids, table: table.index_select(0, ids.reshape(-1)).reshape(*ids.shape, table.shape[1]))


variant = VARIANTS.of("layers.tied_head")
variant("matrix product")(lambda x, table: x @ table.transpose(0, 1))
variant("einsum")(lambda x, table: torch.einsum("td,...d->...t", table, x))
variant("coordinate by coordinate")(
    lambda x, table: torch.stack([x[..., i, None] * table[:, i] for i in range(table.shape[1])]).sum(0)
)
variant("NumPy", arrays="numpy")(np.inner)


@VARIANTS.of("layers.embedding")("NumPy", arrays="numpy")
def taken(ids: Any, table: Any) -> Any:
    return np.take(table, ids, axis=0)


VARIANTS.of("layers.embedding")("row by row")(
    lambda ids, table: torch.cat([table[:0], *(table[i : i + 1] for i in ids.flatten().tolist())]).reshape(
        *ids.shape, table.shape[1]
    )
)
