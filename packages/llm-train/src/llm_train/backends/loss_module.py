"""A model and its objective as one module whose forward pass is the loss."""

from typing import Any

import torch
from torch import Tensor, nn

from llm_train.data.batch import Batch
from llm_train.interface import Objective


class LossModule(nn.Module):
    """Computes an objective on a model whose weights are rounded to a dtype for the pass.

    Why it works:
        What wraps a module (`torch.compile`, DistributedDataParallel, `fully_shard`) sees what happens in its forward
        pass, and nothing else: hooks that gather weights or exchange gradients run there. So all of the work belongs
        in one forward pass, the head and the loss too.

        Products in bfloat16 take half the memory traffic and, where the processor has them, a fraction of the time.
        Its 8 bits are enough for a pass, whose noise is larger anyway, but not for the weights: an update is often
        smaller than the last bit and would be lost. So the weights stay float32, and a rounded copy goes through the
        pass. Autocast would choose dtypes operation by operation; here it can be read which numbers are rounded.

    Args:
        model: any module that the objective accepts.
        objective: computes the sum of the losses.
        dtype: of the pass.
    """

    def __init__(self, model: nn.Module, objective: Objective, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.pair, self.dtype = ModelWithObjective(model, objective), dtype

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the sum of the losses and the sum of their weights."""
        weights = dict(self.pair.named_parameters())
        if all(weight.dtype == self.dtype for weight in weights.values()):
            return self.pair(batch)  # type: ignore[no-any-return]
        rounded = {name: weight.to(self.dtype) for name, weight in weights.items()}
        return torch.func.functional_call(self.pair, rounded, (batch,))  # type: ignore[no-any-return]


class ModelWithObjective(nn.Module):
    """An objective as a module: weights can be replaced in modules only."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the sum of the losses and the sum of their weights."""
        return self.objective(self.model, batch)

    def logits(self, tokens: Tensor, cache: Any = None) -> Tensor:
        """Return the logits of the model alone."""
        return self.model(tokens, cache)  # type: ignore[no-any-return]
