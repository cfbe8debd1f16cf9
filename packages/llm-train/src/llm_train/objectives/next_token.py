"""The objective of pretraining: predict the next token."""

from typing import Any

from torch import Tensor

from llm_layers import LayersError, cross_entropy_sum, linear_cross_entropy_sum
from llm_train.data.batch import Batch


def next_token_loss(model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the sum of the cross-entropy of each target, in nats, and how many targets count.

    A model that offers its hidden states and its head (`hidden`, `head_weight`), as ours does, never holds all logits
    at once; any other model only has to return logits. It is asked for `documents` and `row_keys` only where the batch
    has them.
    """
    asked = asked_of_the_model(batch)
    head = _head_weight(model)
    if head is not None:
        return linear_cross_entropy_sum(model.hidden(batch.tokens, **asked), head, batch.targets, batch.weights)
    return cross_entropy_sum(model(batch.tokens, **asked), batch.targets, batch.weights)


def asked_of_the_model(batch: Batch) -> dict[str, Tensor]:
    """Return what a model is asked for beside the tokens."""
    asked = {"documents": batch.documents, "row_keys": batch.row_keys}
    return {name: value for name, value in asked.items() if value is not None}


def _head_weight(model: Any) -> Tensor | None:
    """Return the weight of the head of a model that has hidden states and a head that is a weight alone."""
    if not hasattr(model, "hidden"):
        return None
    try:
        weight: Tensor = model.head_weight
    except (AttributeError, LayersError):  # a model with final_logit_softcap refuses
        return None
    return weight
