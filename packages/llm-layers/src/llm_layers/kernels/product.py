"""Matrix products that no number type makes slow, and what automatic mixed precision asks of them."""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from llm_layers.interface import LayersError

BLOCK = 2**17
"""How many numbers are worked on at a time where several steps follow each other: few enough for a cache."""
LOW = (torch.bfloat16, torch.float16)


def product(left: Float[Tensor, "..."], right: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Give left · right in their number type, through float32 where the processor has no such products.

    Formula: y = left right

    Why it works:
        A processor without instructions for 16-bit numbers takes them apart one by one, at a tenth of the speed of
        float32 and worse. Widening both sides first costs one pass over each, next to nothing beside a product, and
        the sums are float32 as they would be in the 16-bit kernel: the result is rounded once, at the end.

    Args:
        left: one matrix, or several along leading axes.
        right: as many.

    Spec: layers.linear
    Source: own.
    """
    if not is_slow(left):
        return left @ right
    return (left.float() @ right.float()).to(left.dtype)


def product_into(store: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Give left · right in memory that is no longer needed, if the product can be written there."""
    return product(left, right) if is_slow(left) else torch.mm(left, right, out=store)


def affine(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Give rows · weightᵀ + bias; the bias is what the product begins with, which saves a pass over the result."""
    if bias is None or is_slow(rows):
        y = product(rows, weight.T)
        return y if bias is None else y.add_(bias)
    return torch.addmm(bias, rows, weight.T)


def add_product(total: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Add left · right to `total` in place, without an array for the product where that can be."""
    if is_slow(left):
        left, right = left.float(), right.float()
    if total.dtype != left.dtype:
        return total.add_(left @ right)
    return total.addmm_(left, right)


def is_slow(x: Tensor) -> bool:
    """Whether products of such numbers are slower than those of float32: 16 bits, and no instructions for them."""
    return x.dtype in LOW and x.device.type == "cpu" and torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Cut rows of some width into parts of about `BLOCK` numbers."""
    step = max(1, BLOCK // max(1, width))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def put(store: Tensor, part: slice, worked_out: Tensor) -> None:
    """Put back what was worked out in `wide(store[part])`, if that was not its place already."""
    if store.dtype in LOW:
        store[part] = worked_out


def wide(x: Tensor) -> Tensor:
    """The numbers in float32 at least; the same array where they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def only_once(context: Any) -> None:
    """Refuse a second way back: the first one wrote over what was kept for it.

    Raises:
        LayersError: on the second call.
    """
    if hasattr(context, "gone_back"):
        raise LayersError(
            "a fast kernel can go back only once, since it works in the memory of what was kept: call backward once, "
            "or build the model with kernels=EAGER"
        )
    context.gone_back = True


def apply(function: type[torch.autograd.Function], *inputs: Any) -> Any:
    """Run an autograd function; under autocast with its tensors rounded first, as autocast does it for a product."""
    first: Tensor = inputs[0]
    kind = first.device.type
    if not torch.is_autocast_enabled(kind):
        return function.apply(*inputs)  # type: ignore[no-untyped-call]
    dtype = torch.get_autocast_dtype(kind)
    given = [x.to(dtype) if isinstance(x, Tensor) and x.dtype == torch.float32 else x for x in inputs]
    with torch.autocast(kind, enabled=False):
        return function.apply(*given)  # type: ignore[no-untyped-call]
