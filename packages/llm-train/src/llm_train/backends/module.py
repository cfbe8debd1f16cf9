"""Forward and backward passes through one module: compiled, on an accelerator, or both."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from llm_train.backends.threads import unscaled
from llm_train.data.batch import Batch
from llm_train.interface import Part


class ModuleBackend:
    """Calls a module and its backward pass; the gradients of all batches of an update add up in place.

    Why it works:
        This is the way in which torch is mostly used, and so the one that everything else knows: a compiled module, an
        accelerator whose operations are split over thousands of cores, wrappers that exchange gradients. On a busy
        processor worker threads are steadier.

    Args:
        module: its forward pass takes a `Batch` and returns the sum of the losses and of their weights: a `LossModule`,
            or what wraps one.
        weights: the weights to differentiate for, by the names that the optimizer knows.
        device: where the batches go.
    """

    def __init__(self, module: nn.Module, weights: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        self.module, self.weights, self.device = module, dict(weights), torch.device(device)
        self.loss_scale = 1.0

    def parts(self, batches: Iterable[Batch]) -> Iterator[Part]:
        """Yield one part: the sums over all batches."""
        for weight in self.weights.values():
            weight.grad = None
        given = list(batches)
        sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        for index, batch in enumerate(given):
            with self.exchange(last=index == len(given) - 1):
                loss, count = self.module(batch.to(self.device))
                (loss * self.loss_scale).backward()
            sums += torch.stack([loss.detach().double(), count.detach().double()])
        loss_sum, counted = self.summed(sums).tolist()
        yield Part(loss_sum, counted, {name: self._gradient(weight) for name, weight in self.weights.items()})

    def exchange(self, *, last: bool) -> AbstractContextManager[None]:
        """Surround a pass: after the last one of an update, the processes exchange their sums."""
        return nullcontext()

    def summed(self, sums: Tensor) -> Tensor:
        """Return the sums over all processes."""
        return sums

    def _gradient(self, weight: Tensor) -> Tensor:
        if weight.grad is None:  # an expert that no token chose
            return torch.zeros_like(weight, dtype=torch.promote_types(weight.dtype, torch.float32))
        return unscaled(weight.grad, self.loss_scale)
