"""Forward and backward passes by several threads, each with some rows of the batch.

torch can also split every single operation over all cores. Then all cores synchronize after each of the thousands of
operations of a step, and when another program takes one core for a moment, all others wait for it: on a busy machine
that was measured to be 20 times slower. Here they synchronize once per pass:

    operations split      ══╪══╪══╪══╪══╪══   wait for the slowest at every ╪
    batch split           ══════════════╪══   once

It also makes runs repeatable: each operation runs in one thread, and the results are added in a fixed order.
"""

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from llm_train.backends.loss_module import ModelWithObjective
from llm_train.data.batch import Batch
from llm_train.interface import Objective, Part

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


LossCall = Callable[[nn.Module, dict[str, Tensor], Batch], tuple[Tensor, Tensor]]


def loss_of(module: nn.Module, weights: dict[str, Tensor], batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the loss of a `ModelWithObjective` with other weights in the place of its own."""
    return torch.func.functional_call(module, weights, (batch,))  # type: ignore[no-any-return]


class ThreadBackend:
    """Runs the passes in several threads; each takes some rows of the batch, with all weights rounded to `dtype`.

    Why it works:
        The loss of a batch is the sum over its rows, so each worker can take some of the rows. Why the weights are
        rounded for the pass alone is told at `LossModule`.

    Args:
        model: any module that the objective accepts.
        objective: computes the sum of the losses.
        dtype: of the passes.
        workers: the threads; None runs all in the calling one.
        call: computes the loss with given weights; `compiled_call` returns one.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        dtype: torch.dtype = torch.float32,
        workers: Workers | None = None,
        call: LossCall = loss_of,
    ) -> None:
        self.model, self.dtype, self.call, self.loss_scale = model, dtype, call, 1.0
        self.workers = workers or Workers()
        # Each worker replaces weights in modules of its own. They share all tensors with the model: what deepcopy finds
        # in its memo it does not copy.
        tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
        self._modules = [
            ModelWithObjective(copy.deepcopy(model, dict(tensors)), objective) for _ in range(self.workers.count)
        ]

    def parts(self, batches: Iterable[Batch]) -> Iterator[Part]:
        """Yield the part of each worker, batch by batch and in the order of the rows."""
        weights = {
            name: weight.detach().to(self.dtype).requires_grad_() for name, weight in self.model.named_parameters()
        }
        replaced = {f"model.{name}": weight for name, weight in weights.items()}

        def run(given: tuple[nn.Module, Batch]) -> Part:
            module, rows = given
            loss, count = self.call(module, replaced, rows)
            # An expert that no token chose has no gradient: zeros.
            gradients = torch.autograd.grad(
                loss * self.loss_scale, list(weights.values()), allow_unused=True, materialize_grads=True
            )
            named = {name: unscaled(one, self.loss_scale) for name, one in zip(weights, gradients, strict=True)}
            return Part(float(loss.detach()), float(count), named)

        for batch in batches:
            # A batch with fewer rows than workers leaves some of them idle.
            yield from self.workers.map(run, zip(self._modules, batch.split(self.workers.count), strict=False))


def unscaled(gradient: Tensor, loss_scale: float) -> Tensor:
    """Return a gradient in float32 at least, divided by the loss scale."""
    gradient = gradient.to(torch.promote_types(gradient.dtype, torch.float32))
    return gradient if loss_scale == 1.0 else gradient / loss_scale
