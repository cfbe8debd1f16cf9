"""Forward and backward passes: in a chosen precision, and by several workers at once."""

import copy

import torch
from torch import Tensor, nn

from llm_train.interface import Objective
from llm_train.workers import Workers


class _AsModule(nn.Module):
    """An objective as a module: `functional_call` exchanges weights in modules only."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        return self.objective(self.model, tokens, targets)


class Passes:
    """Takes the loss of a batch and its gradients, with all weights rounded to `dtype` for the pass.

    Why it works:
        Products in bfloat16 take half the memory traffic and, where the processor has them, a fraction of the time. Its
        8 bits are enough for a pass, whose noise is larger anyway, but not for the weights: an update is often smaller
        than the last bit and would be lost. So the weights stay float32 and only a rounded copy goes through the pass.
        The gradient of a batch is the mean of the gradients of its rows, so workers may take some rows each.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        dtype: torch.dtype = torch.float32,
        workers: Workers | None = None,
    ) -> None:
        self.model, self.dtype = model, dtype
        self.workers = workers or Workers()
        # Each worker exchanges weights in modules of its own. They share every number with the model: what deepcopy
        # finds in its memo it does not copy.
        numbers = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
        self._copies = [_AsModule(copy.deepcopy(model, dict(numbers)), objective) for _ in range(self.workers.count)]

    def loss_and_gradients(self, tokens: Tensor, targets: Tensor) -> tuple[float, dict[str, Tensor]]:
        """Give the mean loss of a batch and its float32 gradient for every weight, by name."""
        weights = {
            name: weight.detach().to(self.dtype).requires_grad_() for name, weight in self.model.named_parameters()
        }
        given = {f"model.{name}": weight for name, weight in weights.items()}
        shares = zip(
            self._copies, tokens.chunk(self.workers.count), targets.chunk(self.workers.count), strict=False
        )  # a batch of fewer rows than workers has fewer shares

        def work(share: tuple[nn.Module, Tensor, Tensor]) -> tuple[float, list[Tensor]]:
            module, some_tokens, some_targets = share
            loss: Tensor = torch.func.functional_call(module, given, (some_tokens, some_targets))
            loss = loss * (some_targets.numel() / targets.numel())
            gradients = torch.autograd.grad(loss, list(weights.values()))
            return loss.item(), [gradient.float() for gradient in gradients]

        losses, gradients = zip(*self.workers.map(work, shares), strict=True)
        totals = [_total(parts) for parts in zip(*gradients, strict=True)]
        return sum(losses), dict(zip(weights, totals, strict=True))


def _total(parts: tuple[Tensor, ...]) -> Tensor:
    """The sum, always in the same order, so that it does not depend on who was first."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
