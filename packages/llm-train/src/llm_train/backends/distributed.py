"""Forward and backward passes on many machines: each process has some batches of an update, all get the sums.

DDP     every process holds all weights, gradients and moments;         gradients are added up, bucket by bucket
FSDP2   each holds a part of every weight, its gradient and moments;    weights are gathered block by block
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.nn.parallel import DistributedDataParallel

from llm_train.backends.loss_module import LossModule, ModelWithObjective
from llm_train.backends.module import ModuleBackend
from llm_train.data.batch import Batch
from llm_train.interface import Objective
from llm_train.place import Place


class ReplicatedBackend(ModuleBackend):
    """Every process holds the whole model: DistributedDataParallel, with sums instead of its means."""

    def __init__(self, model: nn.Module, objective: Objective, dtype: torch.dtype, place: Place) -> None:
        module = LossModule(model, objective, dtype)
        wrapped = DistributedDataParallel(module, forward_sync_buffers=False)
        # Its own exchange divides by the number of processes: a mean of sums. The count of all divides, once.
        wrapped.register_comm_hook(None, add_up)
        super().__init__(wrapped, dict(model.named_parameters()), place.device)
        self.wrapped, self.place = wrapped, place

    def exchange(self, *, last: bool) -> AbstractContextManager[None]:
        """Let a backward pass exchange gradients, or only add them up here."""
        return nullcontext() if last else self.wrapped.no_sync()

    def summed(self, sums: Tensor) -> Tensor:
        """Return the sums over all processes."""
        return self.place.sum(sums)


class ShardedBackend(ModuleBackend):
    """Each process holds a part of every weight: `fully_shard`, for models that do not fit into one machine.

    The model must have been given to `shard` before the optimizer was made, which then holds parts too.
    """

    def __init__(self, sharded: nn.Module, model: nn.Module, place: Place) -> None:
        super().__init__(sharded, dict(model.named_parameters()), place.device)
        self.model, self.place = model, place

    def exchange(self, *, last: bool) -> AbstractContextManager[None]:
        """Let a backward pass exchange gradients, or only add them up here."""
        assert isinstance(self.module, FSDPModule)
        self.module.set_requires_gradient_sync(last)
        return nullcontext()

    def summed(self, sums: Tensor) -> Tensor:
        """Return the sums over all processes."""
        return self.place.sum(sums)

    def objective(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Compute the loss without an update, as an `Objective`: every process must, and equally often."""
        try:
            return self.module(batch)  # type: ignore[no-any-return]
        finally:
            self._free()

    @property
    def context_length(self) -> int:
        """The most positions that the model reads."""
        return self.model.context_length  # type: ignore[return-value]

    def new_cache(self) -> Any:
        """Return an empty cache for calls of this object."""
        return self.model.new_cache()  # type: ignore[operator]

    def __call__(self, tokens: Tensor, cache: Any = None) -> Tensor:
        """Return the logits, as the model itself does: every process must call this, and with the same tokens."""
        try:
            return self.module.logits(tokens, cache)  # type: ignore[operator, no-any-return]
        finally:
            self._free()

    def _free(self) -> None:
        """Free what a forward pass has gathered and the backward pass, which will not come, would free."""
        assert isinstance(self.module, FSDPModule)
        if not torch.is_grad_enabled():
            self.module.reshard()


def shard(model: Any, objective: Objective, dtype: torch.dtype, place: Place) -> nn.Module:
    """Split every weight of a model over the processes, and return the module whose forward pass is the loss.

    Each block is a unit: its weights are gathered when its forward or backward pass begins and freed when it ends. The
    embedding, the head and the final norm belong to the whole.
    """
    mesh = init_device_mesh(place.device.type, (place.world,))
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    for block in model.blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    module = ModelWithObjective(model, objective)  # the policy rounds the weights as they are gathered
    fully_shard(module, mesh=mesh, mp_policy=policy)  # changes the module's class in place
    register_fsdp_forward_method(module, "logits")
    for part in module.modules():
        if isinstance(part, FSDPModule):
            part.set_gradient_divide_factor(1.0)  # sums: the count of all divides, once
            part.set_force_sum_reduction_for_comms(True)  # gloo knows no other kind
    return module


def add_up(state: object, bucket: distributed.GradBucket) -> torch.futures.Future[Tensor]:
    """Exchange a bucket of gradients by adding them up over all processes."""
    work = distributed.all_reduce(bucket.buffer(), async_op=True)
    assert work is not None
    return work.get_future().then(lambda future: future.value()[0])  # type: ignore[no-any-return]
