"""The update ratio, written otherwise."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("train.update_ratio")

Array = np.ndarray[Any, Any]


@variant("norms of norms", arrays="numpy")
def norms_of_norms(before: Sequence[Array], after: Sequence[Array]) -> float:
    moved = math.hypot(
        *(float(np.linalg.norm((new - old).reshape(-1))) for old, new in zip(before, after, strict=True))
    )
    length = math.hypot(*(float(np.linalg.norm(old.reshape(-1))) for old in before))
    return moved / length if length else (math.inf if moved else 0.0)


@variant("a tensor, in float32 at least")
def as_tensor(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    wide = torch.promote_types(before[0].dtype, torch.float32)
    old, new = (torch.cat([one.to(wide).flatten() for one in some]) for some in (before, after))
    return torch.nan_to_num((new - old).norm() / old.norm(), nan=0.0, posinf=math.inf)
