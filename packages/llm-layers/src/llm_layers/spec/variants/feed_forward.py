"""Feed forward: correct implementations written otherwise."""

from typing import Any

import torch
from torch.nn import functional as F

from llm_tokenizer.spec import variant


@variant("layers.swiglu", "gate and up in one product")
def one_product(x: Any, gate: Any, up: Any, down: Any) -> Any:
    a, u = (x @ torch.cat([gate, up]).T).chunk(2, -1)
    return F.linear(a * torch.sigmoid(a) * u, down)


@variant("layers.swiglu", "einsum")
def swiglu_einsum(x: Any, gate: Any, up: Any, down: Any) -> Any:
    hidden = F.silu(torch.einsum("...d,fd->...f", x, gate)) * torch.einsum("...d,fd->...f", x, up)
    return torch.einsum("...f,df->...d", hidden, down)
