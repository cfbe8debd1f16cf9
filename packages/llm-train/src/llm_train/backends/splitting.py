"""Tensors of which each process holds a part (DTensors of `fully_shard`): whole, and in parts again."""

from collections.abc import Mapping

from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

from llm_train.place import Place


def is_split(tensor: Tensor) -> bool:
    """Whether each process holds a part of a tensor."""
    return isinstance(tensor, DTensor)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor that may be split over the processes as a whole one, in all of them; all must call this."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def part_like(tensor: Tensor, like: Tensor) -> Tensor:
    """Return of a whole tensor, which every process has, the part that this process holds of `like`."""
    if not isinstance(like, DTensor) or is_split(tensor):
        return tensor
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
            kept[name] = full.cpu() if isinstance(tensor, DTensor) else full
    return kept


def parts_like(tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return of whole tensors the parts that this process holds of those in `like` that have the same names."""
    return {name: part_like(tensor, like[name]) if name in like else tensor for name, tensor in tensors.items()}
