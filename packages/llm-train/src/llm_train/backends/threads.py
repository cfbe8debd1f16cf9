"""Forward and backward passes by several threads, each with some rows of the batch.

torch can also split every single operation over all cores. Then all cores synchronize after each of the thousands of
operations of a step, and when another program takes one core for a moment, all others wait for it: on a busy machine
that was measured to be 20 times slower. Here they synchronize once per pass:

    operations split      ══╪══╪══╪══╪══╪══   wait for the slowest at every ╪
    batch split           ══════════════╪══   once

It also makes runs repeatable: each operation runs in one thread, and the results are added in a fixed order.
"""

import copy
import functools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from llm_train.interface import Objective

Item = TypeVar("Item")
Result = TypeVar("Result")

MIN_ROWS = 4
"""A thread of its own does not pay for fewer rows of a batch than this."""


class Workers:
    """A number of threads; with one, everything runs in the calling thread."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="worker") if count > 1 else None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Apply a function to all items in parallel; the results are in the order of the items."""
        if self._pool is None:
            return [function(item) for item in items]
        return list(self._pool.map(function, items))

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


@contextmanager
def worker_threads(count: int) -> Iterator[Workers]:
    """Yield `count` workers; until the end torch runs each operation in the thread that calls it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    workers = Workers(count)
    try:
        yield workers
    finally:
        workers.close()
        torch.set_num_threads(before)


def worker_count(batch: int) -> int:
    """Return how many workers pay for a batch of this many rows on this machine."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, batch // MIN_ROWS))


class ThreadBackend:
    """Computes the loss of a batch and its gradients, with all weights rounded to `dtype` for the pass.

    Why it works:
        Products in bfloat16 take half the memory traffic and, where the processor has them, a fraction of the time. Its
        8 bits are enough for a pass, whose noise is larger anyway, but not for the weights: an update is often smaller
        than the last bit and would be lost. So the weights stay float32 and only a rounded copy goes through the pass.
        The gradient of a batch is the mean of the gradients of its rows, so each worker can take some of the rows.
    """

    def __init__(
        self, model: nn.Module, objective: Objective, dtype: torch.dtype = torch.float32, workers: Workers | None = None
    ) -> None:
        self.model, self.dtype = model, dtype
        self.workers = workers or Workers()
        # Each worker replaces weights in modules of its own. They share all tensors with the model: what deepcopy finds
        # in its memo it does not copy.
        tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
        self._modules = [_AsModule(copy.deepcopy(model, dict(tensors)), objective) for _ in range(self.workers.count)]

    def loss_and_gradients(self, tokens: Tensor, targets: Tensor) -> tuple[float, dict[str, Tensor]]:
        """Return the mean loss of a batch and the float32 gradient of each weight, by name."""
        weights = {
            name: weight.detach().to(self.dtype).requires_grad_() for name, weight in self.model.named_parameters()
        }
        replaced = {f"model.{name}": weight for name, weight in weights.items()}

        def run(part: tuple[nn.Module, Tensor, Tensor]) -> tuple[float, list[Tensor]]:
            module, some_tokens, some_targets = part
            loss: Tensor = torch.func.functional_call(module, replaced, (some_tokens, some_targets))
            loss = loss * (some_targets.numel() / targets.numel())
            gradients = torch.autograd.grad(loss, list(weights.values()))
            return loss.item(), [gradient.float() for gradient in gradients]

        count = self.workers.count  # a batch with fewer rows than workers leaves some of them idle
        parts = zip(self._modules, tokens.chunk(count), targets.chunk(count), strict=False)
        losses, gradients = zip(*self.workers.map(run, parts), strict=True)
        # In a fixed order, so that the sum does not depend on which worker was first.
        totals = [functools.reduce(torch.add, some) for some in zip(*gradients, strict=True)]
        return sum(losses), dict(zip(weights, totals, strict=True))


class _AsModule(nn.Module):
    """An objective as a module: `functional_call` replaces weights in modules only."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        return self.objective(self.model, tokens, targets)
