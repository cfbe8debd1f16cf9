"""Threads that each do a share of the work from one end of a pass to the other.

torch can also split every single operation over all cores. Then all cores meet after each of the thousands of
operations of a step, and when another program takes one core for a moment, all others wait for it: on a busy machine
that was measured to be 20 times slower. Here they meet once per pass:

    operations split      ══╪══╪══╪══╪══╪══   wait for the slowest at every ╪
    batch split           ══════════════╪══   once

It also makes runs repeatable: every operation is done by one thread, in one order, and the shares are added in theirs.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

ROWS_EACH = 4
"""Fewer rows of a batch than this are not worth a thread of their own."""


class Workers:
    """A number of threads; with one, everything happens in the calling thread."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="worker") if count > 1 else None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Apply a function to all items, side by side; the results come in the order of the items."""
        if self._pool is None:
            return [function(item) for item in items]
        return list(self._pool.map(function, items))

    def close(self) -> None:
        """Let the threads end."""
        if self._pool is not None:
            self._pool.shutdown()


@contextmanager
def workers_of_one_thread(count: int) -> Iterator[Workers]:
    """Give `count` workers, and have torch do every operation in the thread that asks for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    workers = Workers(count)
    try:
        yield workers
    finally:
        workers.close()
        torch.set_num_threads(before)


def workers_for(batch: int) -> int:
    """How many workers a batch is worth on this machine."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, batch // ROWS_EACH))
