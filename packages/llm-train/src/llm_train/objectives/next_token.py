"""The objective of pretraining: predict the next token."""

from typing import Any

from torch import Tensor

from llm_layers import cross_entropy, linear_cross_entropy


def next_token_loss(model: Any, tokens: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy, in nats, of each position's prediction and the token that follows it.

    A model that offers its hidden states and its head (`hidden`, `head_weight`), as ours does, never holds all logits
    at once; any other model only has to return logits.
    """
    if hasattr(model, "hidden") and hasattr(model, "head_weight"):
        return linear_cross_entropy(model.hidden(tokens), model.head_weight, targets)
    return cross_entropy(model(tokens), targets)
