"""Where this process stands among all that train together: its rank, their number, its device.

    torchrun --nproc-per-node 2 -m llm_train -- run …       starts two; each finds its place in the environment

What is done once (the lock, the tokenizer, token files, calibration, metrics, samples) is done by the first process,
and what it decided is handed to the others, so that all do the same.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed

from llm_train.interface import TrainError

CPU = torch.device("cpu")
PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: as long as the first may take to prepare a large text."""


@dataclass(frozen=True)
class Place:
    """One process of a training; alone it is the first of one."""

    rank: int = 0
    world: int = 1
    device: torch.device = CPU

    @property
    def first(self) -> bool:
        """Whether this process does what is done once."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.world > 1:
            distributed.barrier()

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum of the tensors of all processes."""
        if self.world > 1:
            distributed.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process: all stop, or none."""
        if self.world == 1:
            return flag
        return bool(self.sum(torch.tensor(int(flag), device=self.device)))

    def share(self, value: Any) -> Any:
        """Return the value of the first process, anything that JSON can hold."""
        if self.world == 1:
            return value
        content = json.dumps(value).encode() if self.first else b""
        size = torch.tensor(len(content), device=self.device)
        distributed.broadcast(size, src=0)
        data = torch.empty(int(size), dtype=torch.uint8, device=self.device)
        if self.first:
            data.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        distributed.broadcast(data, src=0)
        return json.loads(bytes(data.cpu().tolist()))


@contextmanager
def find_place(device: str = "auto") -> Iterator[Place]:
    """Join the other processes, if `torchrun` started this one, and leave them at the end.

    Args:
        device: "cpu", "cuda" …; "auto" takes an accelerator where there is one.

    Raises:
        TrainError: there is no such device.
    """
    chosen = find_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if "WORLD_SIZE" not in os.environ:
        yield Place(device=chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Place(distributed.get_rank(), distributed.get_world_size(), chosen)
    finally:
        distributed.destroy_process_group()


def find_device(name: str, local_rank: int = 0) -> torch.device:
    """Return a device by its name; of several accelerators of this machine the one for this process.

    Raises:
        TrainError: this machine has no such device.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        name = "cpu" if accelerator is None else accelerator.type
    if name == "cpu":
        return CPU
    if accelerator is None or accelerator.type != name.partition(":")[0]:
        present = "cpu" if accelerator is None else f"cpu or {accelerator.type}"
        raise TrainError(f"compute.device must be one that torch finds here, {present} or auto, was {name!r}")
    if ":" in name:
        return torch.device(name)
    torch.accelerator.set_device_index(local_rank)
    return torch.device(name, local_rank)
