"""What training makes smaller: the surprise at the next token."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from llm_layers import cross_entropy, head_cross_entropy
from llm_train.interface import Objective


def next_token_loss(model: Any, tokens: Tensor, targets: Tensor) -> Tensor:
    """Give the mean cross-entropy, in nats, of each position's prediction and the token that follows it.

    A model that offers its states before the head (`hidden`, `head_weight`), as ours does, is spared holding all
    logits at once; any other only needs to give logits.
    """
    if hasattr(model, "hidden") and hasattr(model, "head_weight"):
        return head_cross_entropy(model.hidden(tokens), model.head_weight, targets)
    return cross_entropy(model(tokens), targets)


class _AsModule(nn.Module):
    """An objective as a module: `functional_call` exchanges weights in modules only."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        return self.objective(self.model, tokens, targets)


def loss_in_precision(
    model: nn.Module, objective: Objective, tokens: Tensor, targets: Tensor, dtype: torch.dtype
) -> Tensor:
    """Give the loss with all weights rounded to `dtype` for this pass; gradients flow to the unrounded ones.

    Why it works:
        Products in bfloat16 take half the memory traffic and, where the processor has them, a fraction of the time. Its
        8 bits are enough for a pass, whose noise is larger anyway, but not for the weights: an update is often smaller
        than the last bit and would be lost. So the weights stay float32 and only a rounded copy goes through the pass.
    """
    weights: Mapping[str, Tensor] = {f"model.{name}": weight.to(dtype) for name, weight in model.named_parameters()}
    loss: Tensor = torch.func.functional_call(_AsModule(model, objective), dict(weights), (tokens, targets))
    return loss


def loss_and_gradients(
    model: nn.Module, objective: Objective, tokens: Tensor, targets: Tensor, dtype: torch.dtype
) -> tuple[float, dict[str, Tensor]]:
    """Give the loss of one batch and its float32 gradient for every weight, by name."""
    loss = loss_in_precision(model, objective, tokens, targets, dtype)
    weights = dict(model.named_parameters())
    gradients = torch.autograd.grad(loss, list(weights.values()))
    return loss.item(), dict(zip(weights, gradients, strict=True))
