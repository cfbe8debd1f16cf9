"""Linear map: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch

from llm_layers.spec import fast as our
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.linear")
variant("matrix product")(lambda x, weight, bias: x @ weight.T + (0 if bias is None else bias))
variant("einsum")(lambda x, weight, bias: (0 if bias is None else bias) + torch.einsum("oi,...i->...o", weight, x))
variant("NumPy, weight first", arrays="numpy")(
    lambda x, weight, bias: (
        np.moveaxis(np.tensordot(weight, x, axes=(1, x.ndim - 1)), 0, -1) + (0 if bias is None else bias)
    )
)


@variant("bias as one more input")
def bias_as_an_input(x: Any, weight: Any, bias: Any) -> Any:
    if bias is None:
        return (x[..., None, :] * weight).sum(-1)
    longer = torch.cat([x, torch.ones_like(x[..., :1])], -1) if x.shape[-1] else torch.ones(*x.shape[:-1], 1).to(x)
    return longer @ torch.cat([weight, bias[:, None]], 1).T


VARIANTS.of("layers.linear")("our fast kernels")(our.linear)
VARIANTS.of("layers.linear")("torch's addmm")(
    lambda x, weight, bias: (
        torch.addmm(weight.new_zeros(len(weight)) if bias is None else bias, x.reshape(-1, weight.shape[1]), weight.T)
    ).reshape(*x.shape[:-1], len(weight))
)
