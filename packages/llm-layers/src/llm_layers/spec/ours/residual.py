"""The contracts hand over a gain and one weight as the part; our functions take a norm and any part."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

import llm_layers
from llm_layers.layers.linear import linear
from llm_layers.layers.norm import rms_norm

__all__ = ["branch_norm", "post_norm", "pre_norm"]


def _place(join: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def placed(x: Tensor, gain: Tensor, weight: Tensor, eps: float) -> Tensor:
        return join(x, partial(rms_norm, gain=gain, eps=eps), partial(linear, weight=weight))

    return placed


pre_norm, post_norm = _place(llm_layers.pre_norm), _place(llm_layers.post_norm)
branch_norm = _place(llm_layers.branch_norm)
