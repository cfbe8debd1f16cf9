"""Linear map: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch

from llm_layers.spec import fast as our
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.linear")


@variant("matrix product")
def matrix_product(x: Any, weight: Any, bias: Any) -> Any:
    y = x @ weight.T
    return y if bias is None else y + bias


@variant("einsum")
def by_einsum(x: Any, weight: Any, bias: Any) -> Any:
    y = torch.einsum("oi,...i->...o", weight, x)
    return y if bias is None else bias + y


@variant("bias as one more input")
def bias_as_an_input(x: Any, weight: Any, bias: Any) -> Any:
    if bias is None:
        return (x[..., None, :] * weight).sum(-1)
    longer = torch.cat([x, torch.ones_like(x[..., :1])], -1) if x.shape[-1] else torch.ones(*x.shape[:-1], 1).to(x)
    return longer @ torch.cat([weight, bias[:, None]], 1).T


@variant("NumPy, weight turned", arrays="numpy")
def turned(x: Any, weight: Any, bias: Any) -> Any:
    y = np.moveaxis(np.tensordot(weight, x, axes=(1, x.ndim - 1)), 0, -1)
    return y if bias is None else y + bias


VARIANTS.of("layers.linear")("our fast kernels")(our.linear)
VARIANTS.of("layers.linear")("torch's addmm")(
    lambda x, weight, bias: (
        torch.addmm(weight.new_zeros(len(weight)) if bias is None else bias, x.reshape(-1, weight.shape[1]), weight.T)
    ).reshape(*x.shape[:-1], len(weight))
)
