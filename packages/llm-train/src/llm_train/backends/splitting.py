"""Tensors of which each process holds a part (DTensors of `fully_shard`): whole, and in parts again."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeGuard

from torch import Tensor

from llm_train.place import Place

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def is_split(tensor: Tensor) -> "TypeGuard[DTensor]":
    """Whether each process holds a part of a tensor."""
    # By its method and not by its class, which a process alone would have to import: that takes half a second.
    return hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor that may be split over the processes as a whole one, in all of them; all must call this."""
    return tensor.full_tensor() if is_split(tensor) else tensor


def part_like(tensor: Tensor, like: Tensor) -> Tensor:
    """Return of a whole tensor, which every process has, the part that this process holds of `like`."""
    if not is_split(like) or is_split(tensor):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    # Without a source no numbers are sent: each process cuts its part out of its own tensor.
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def gathered(tensors: Mapping[str, Tensor], place: Place) -> dict[str, Tensor]:
    """Return all tensors whole in the first process, and none in the others; all must call this.

    One tensor at a time is gathered, and the first process moves it to its main memory.
    """
    kept: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        full = whole(tensor)
        if place.first:
            kept[name] = full.cpu() if is_split(tensor) else full
    return kept


def parts_like(tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return of whole tensors the parts that this process holds of those in `like` that have the same names."""
    return {name: part_like(tensor, like[name]) if name in like else tensor for name, tensor in tensors.items()}
