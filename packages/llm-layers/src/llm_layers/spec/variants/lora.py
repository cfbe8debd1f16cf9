"""Low-rank corrections: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch

from llm_tokenizer.conformance import variant


@variant("layers.lora_linear", "through the merged weight")
def through_merged(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return x @ (weight + scale * up @ down).transpose(0, 1)


@variant("layers.lora_linear", "one product of joined matrices")
def joined(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    both = torch.einsum("...i,oi->...o", x, torch.cat([weight, down]))
    plain, narrow = both[..., : len(weight)], both[..., len(weight) :]
    return torch.einsum("...r,or->...o", narrow * scale, up) + plain


@variant("layers.merge_lora", "a sum of outer products")
def outer_products(weight: Any, down: Any, up: Any, scale: float) -> Any:
    for direction in range(down.shape[0]):
        weight = weight + torch.outer(up[:, direction] * scale, down[direction])
    return weight


@variant("layers.merge_lora", "einsum, NumPy", arrays="numpy")
def einsum(weight: Any, down: Any, up: Any, scale: float) -> Any:
    return np.einsum("ri,or->oi", down, up) * scale + weight
