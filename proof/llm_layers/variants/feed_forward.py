"""Feed forward: correct implementations written otherwise."""

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.swiglu")


@variant("gate and up in one product")
def one_product(x: Any, gate: Any, up: Any, down: Any) -> Any:
    a, u = (x @ torch.cat([gate, up]).T).chunk(2, -1)
    return F.linear(a * torch.sigmoid(a) * u, down)


@variant("einsum")
def swiglu_einsum(x: Any, gate: Any, up: Any, down: Any) -> Any:
    hidden = F.silu(torch.einsum("...d,fd->...f", x, gate)) * torch.einsum("...d,fd->...f", x, up)
    return torch.einsum("...f,df->...d", hidden, down)


variant = VARIANTS.of("layers.geglu")


@variant("gate and up in one product")
def geglu_one_product(x: Any, gate: Any, up: Any, down: Any) -> Any:
    a, u = (x @ torch.cat([gate, up]).T).chunk(2, -1)
    return F.linear(F.gelu(a, approximate="tanh") * u, down)


@variant("einsum and tanh")
def geglu_einsum(x: Any, gate: Any, up: Any, down: Any) -> Any:
    a = torch.einsum("...d,fd->...f", x, gate)
    activated = 0.5 * a * (1 + torch.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)))
    return torch.einsum("...f,...f,df->...d", activated, torch.einsum("...d,fd->...f", x, up), down)


variant = VARIANTS.of("layers.gelu_feed_forward")


@variant("weights as (in, out), as GPT-2's files hold them")
def gelu_conv1d(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    up, down = up.T.contiguous(), down.T.contiguous()
    return F.gelu(x @ up + up_bias, approximate="tanh") @ down + down_bias


@variant("bias as one more column")
def gelu_one_more_column(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    def layer(x: Any, weight: Any, bias: Any) -> Any:
        return torch.cat([x, torch.ones_like(x[..., :1])], -1) @ torch.cat([weight, bias[:, None]], 1).T

    return layer(F.gelu(layer(x, up, up_bias), approximate="tanh"), down, down_bias)


variant = VARIANTS.of("layers.relu_squared_feed_forward")


@variant("einsum, both factors cut")
def relu_squared_einsum(x: Any, up: Any, down: Any) -> Any:
    cut = torch.einsum("...d,fd->...f", x, up).clamp(min=0)
    return torch.einsum("...f,...f,df->...d", cut, cut, down)


@variant("one unit after the other")
def relu_squared_units(x: Any, up: Any, down: Any) -> Any:
    parts = [F.relu((x * row).sum(-1, keepdim=True)) ** 2 * column for row, column in zip(up, down.T, strict=True)]
    return torch.stack(parts).sum(0)


# NumPy: x and the weights in the precision that they come in.


def _bent(a: Any) -> Any:
    return a / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a * a * a)))


VARIANTS.of("layers.swiglu")("NumPy", arrays="numpy")(
    lambda x, gate, up, down: (np.inner(x, gate) / (1 + np.exp(-np.inner(x, gate))) * np.inner(x, up)) @ down.T
)
VARIANTS.of("layers.geglu")("NumPy", arrays="numpy")(
    lambda x, gate, up, down: (_bent(np.inner(x, gate)) * np.inner(x, up)) @ down.T
)
VARIANTS.of("layers.gelu_feed_forward")("NumPy", arrays="numpy")(
    lambda x, up, up_bias, down, down_bias: np.inner(_bent(np.inner(x, up) + up_bias), down) + down_bias
)
VARIANTS.of("layers.relu_squared_feed_forward")("NumPy", arrays="numpy")(
    lambda x, up, down: np.inner(np.maximum(np.inner(x, up), 0) ** 2, down)
)
VARIANTS.of("layers.swiglu")("product with the sigmoid")(
    lambda x, gate, up, down: (x @ up.T * (x @ gate.T) * torch.sigmoid(x @ gate.T)) @ down.T
)
VARIANTS.of("layers.geglu")("a sigmoid of twice the argument")(
    lambda x, gate, up, down: (
        x @ up.T * (x @ gate.T)
        * torch.sigmoid(math.sqrt(8 / math.pi) * ((x @ gate.T) + 0.044715 * (x @ gate.T) ** 3))
    ) @ down.T
)  # fmt: skip


@VARIANTS.of("layers.gelu_feed_forward")("torch's addmm, a sigmoid of twice the argument")
def gelu_addmm(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    a = torch.addmm(up_bias, x.reshape(-1, x.shape[-1]), up.T)
    activated = a * torch.sigmoid(math.sqrt(8 / math.pi) * a * (1 + 0.044715 * a.square()))
    return torch.addmm(down_bias, activated, down.T).reshape(*x.shape[:-1], len(down))


@VARIANTS.of("layers.relu_squared_feed_forward")("units in tiles")
def relu_squared_tiles(x: Any, up: Any, down: Any) -> Any:
    y = torch.zeros_like(x)
    width = max(len(up) // 3, 1)
    for rows, columns in zip(up.split(width), down.split(width, dim=1), strict=True):
        a = F.linear(x, rows)
        y = y + F.linear(a * F.relu(a), columns)
    return y
