"""How large the residual stream is at each depth: the first thing to look at in a model that will not train."""

import torch
from jaxtyping import Int
from torch import Tensor, nn


def residual_variance_by_layer(model: nn.Module, tokens: Int[Tensor, "batch position"]) -> tuple[float, ...]:
    """Measure the variance of the residual stream before the first block and after each block.

    Formula: variance[l] = mean over texts, positions and coordinates of (x[l] - mean)²

    Why it works:
        Every part reads the stream through a norm, so its absolute size does not matter; the ratio from block to block
        does. A stream that grows a thousandfold drowns what early blocks have written, and the gradient that reaches
        them shrinks alike. One that grows by a constant each block lets late blocks change less and less. What the
        initial values promise can be read off before a single step is taken.

    Args:
        model: a model with a list of `blocks`, such as `Decoder`.
        tokens: any text; random ids will do.

    Returns:
        One number more than there are blocks.
    """
    blocks = model.get_submodule("blocks")
    found: list[float] = []

    def note(x: Tensor) -> None:
        found.append(x.detach().to(torch.float32).var(correction=0).item())

    handles = [next(blocks.children()).register_forward_pre_hook(lambda block, inputs: note(inputs[0]))]
    handles += [block.register_forward_hook(lambda block, inputs, y: note(y)) for block in blocks.children()]
    try:
        with torch.inference_mode():
            model(tokens)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found)
