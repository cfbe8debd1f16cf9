"""Where this process stands among all that train together: its rank, their number, its device.

    torchrun --standalone --nproc-per-node 2 -m llm_train -- run …       starts two; each finds its place by itself

What is done once (the lock, the tokenizer, token files, calibration, metrics, samples) is done by the first process,
and what it decided is handed to the others, so that all do the same.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from llm_train.interface import EndedElsewhereError, TrainError

Result = TypeVar("Result")

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

    def share(self, value: Any, source: int = 0) -> Any:
        """Return the value of the first process, or of another one: anything that JSON can hold."""
        if self.world == 1:
            return value
        content = json.dumps(value).encode() if self.rank == source else b""
        size = torch.tensor(len(content), device=self.device)
        distributed.broadcast(size, src=source)
        data = torch.empty(int(size), dtype=torch.uint8, device=self.device)
        if self.rank == source:
            data.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        distributed.broadcast(data, src=source)
        return json.loads(bytes(data.cpu().tolist()))

    def once(self, action: Callable[[], Result]) -> Result:
        """Let the first process do something, and return in all of them what it returned, if JSON can hold it.

        Raises:
            EndedElsewhereError: in the others, where the first one raised an error of its own.
        """
        if self.world == 1:
            return action()
        if not self.first:
            done, value = self.share(None)
            if not done:
                raise EndedElsewhereError
            return value  # type: ignore[no-any-return]
        try:
            result = action()
        except Exception:
            self.share([False, None])
            raise
        self.share([True, result])
        return result

    def in_turn(self, action: Callable[[], Result]) -> Result:
        """Let the first process do something, then all others: they find on the disk what it has made.

        Raises:
            EndedElsewhereError: in the others, where the first one raised an error of its own.
        """
        made: list[Result] = []
        self.once(lambda: made.append(action()))
        return made[0] if made else action()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Let the others print nothing: what one says, all would say. Errors that leave the block are not held back."""
        if self.first:
            yield
            return
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield


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
    store, rank, world = next(iter(rendezvous("env://", timeout=PATIENCE)))
    if os.environ.get("LOCAL_WORLD_SIZE") == str(world):
        # torchrun keeps the store when it starts all again. Without a name of their own the processes would find the
        # addresses of those that are gone. Of several machines each counts the restarts for itself.
        store = PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    backend = "nccl" if chosen.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=PATIENCE)
    try:
        place = Place(rank, world, chosen)
        yield place
        place.wait()  # who leaves first would cut off the connections that another still has
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
