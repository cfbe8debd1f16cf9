"""The contract hands over the frozen weight; our function takes the frozen layer."""

from torch import Tensor

import llm_layers
from llm_layers import merge_lora
from llm_layers.spec.ours.feed_forward import layer

__all__ = ["lora_linear", "merge_lora"]


def lora_linear(x: Tensor, weight: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """Run `lora_linear`."""
    return llm_layers.lora_linear(x, layer(weight), down, up, scale)
