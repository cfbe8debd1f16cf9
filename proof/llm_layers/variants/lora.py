"""Low-rank corrections: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.lora_linear")
variant("through the merged weight")(
    lambda x, weight, down, up, scale: x @ (weight + scale * up @ down).transpose(0, 1)
)


@variant("one product of joined matrices")
def joined(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    both = torch.einsum("...i,oi->...o", x, torch.cat([weight, down]))
    plain, narrow = both[..., : len(weight)], both[..., len(weight) :]
    return torch.einsum("...r,or->...o", narrow * scale, up) + plain


variant = VARIANTS.of("layers.merge_lora")


@variant("a sum of outer products")
def outer_products(weight: Any, down: Any, up: Any, scale: float) -> Any:
    for direction in range(down.shape[0]):
        weight = weight + torch.outer(up[:, direction] * scale, down[direction])
    return weight


variant("einsum, NumPy", arrays="numpy")(
    lambda weight, down, up, scale: np.einsum("ri,or->oi", down, up) * scale + weight
)
variant("torch's addmm")(lambda weight, down, up, scale: torch.addmm(weight, up, down, alpha=scale))
variant("scaled first")(lambda weight, down, up, scale: weight + (up * scale) @ down)
variant = VARIANTS.of("layers.lora_linear")
variant("the correction first")(lambda x, weight, down, up, scale: scale * ((x @ down.T) @ up.T) + x @ weight.T)
variant("NumPy", arrays="numpy")(
    lambda x, weight, down, up, scale: np.inner(x, weight) + np.inner(np.inner(x, down), up) * scale
)
