"""A pass through a compiled function: the steps of a model joined into a few loops, written in C++ by torch.compile.

A model in eager mode goes over memory once for each operation. Joined, the operations between two products take one
pass, and the intermediate values stay in the processor's registers.
"""

import shutil
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from llm_train.backends.threads import LossCall, loss_of
from llm_train.data.batch import Batch


def compiler_found() -> bool:
    """Whether there is a C++ compiler, which torch.compile needs on a CPU."""
    return any(shutil.which(name) for name in ("g++", "clang++", "c++", "cl"))


def compiled_call() -> LossCall:
    """Return a compiled `loss_of`, for several threads at once.

    Why it works:
        By default a compiled function is driven from Python, which holds the interpreter's lock while a loop runs: two
        threads take turns, and nothing is gained by the second one. With the driver in C++ too the lock is released for
        the whole pass.

        Compiling is not for several threads at once, so the first pass of each shape runs alone.
    """
    compiled: Callable[..., tuple[Tensor, Tensor]] = torch.compile(
        loss_of, dynamic=False, options={"cpp_wrapper": True}
    )
    lock, known = threading.Lock(), set[Any]()

    def call(module: nn.Module, weights: dict[str, Tensor], batch: Batch) -> tuple[Tensor, Tensor]:
        shape = batch.tokens.shape, torch.is_grad_enabled()
        if shape in known:
            return compiled(module, weights, batch)
        with lock:
            result = compiled(module, weights, batch)
            if torch.is_grad_enabled():  # the backward pass is compiled when it first runs
                torch.autograd.grad(result[0], list(weights.values()), retain_graph=True)
            known.add(shape)
        return result

    return call
