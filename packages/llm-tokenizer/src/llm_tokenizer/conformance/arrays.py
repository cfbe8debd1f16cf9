"""How values are passed to an implementation and taken back: NumPy, torch, JAX or plain lists.

An implementation states which it wants in one line, `SPEC_ARRAYS = "torch"`. torch and JAX can
differentiate by themselves; NumPy and lists need a hand-written `…_backward`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

BACKWARDS = "reversed"
LAYOUTS = ("contiguous", "non-contiguous", "transposed", BACKWARDS)
"""How the values of an array lie in memory: in order; with a gap after each; the first axis fastest; backwards.

Backwards, an array has negative strides, which torch does not take: that may be refused.
"""
MIXED = "mixed"
"""Every second argument is transposed."""


def in_layout(array: Any, layout: str, stack: Callable[..., Any], transposed: Callable[[Any], Any]) -> Any:
    """Return the same values in another layout; `stack` and `transposed` are those of the library."""
    if layout == "non-contiguous" and array.ndim:
        return stack([array, array], -1)[..., 0]
    return transposed(array) if layout == "transposed" and array.ndim > 1 else array


def copied(value: Any) -> Any:
    """Return a copy of plain data: new lists and dicts, ten times as quickly as `copy.deepcopy` makes them."""
    if isinstance(value, list):
        return [item if isinstance(item, (int, str, bytes, float)) else copied(item) for item in value]
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return tuple(copied(item) for item in value) if isinstance(value, tuple) else value


def several(value: Any) -> bool:
    """Return whether a value is a list of arrays, as of gradients."""
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(hasattr(item, "shape") for item in value)


def parts(value: Any) -> list[Any]:
    """Return the arrays of a list of arrays; of anything else the value itself, alone."""
    return list(value) if several(value) else [value]


class Arrays:
    """NumPy arrays in, NumPy arrays out: the default, and the base of the other kinds.

    `dtypes` are the precisions that a kind knows; `differentiates`: whether it computes gradients by itself.
    """

    dtypes: tuple[str, ...] = ("float64", "float32")
    differentiates = False

    def give(self, value: Any, dtype: str, layout: str) -> Any:
        """Return a case's value as the implementation wants it: floats in `dtype`, always a fresh copy.

        `layout` is one of `LAYOUTS`. A list of arrays becomes a list of what each of them becomes.
        """
        if isinstance(value, np.ndarray):
            return self.give_array(value, dtype, layout)
        if several(value):
            given = {id(item): self.give_array(item, dtype, layout) for item in value}  # one object twice stays one
            return [given[id(item)] for item in value]
        return copied(value)

    def give_array(self, value: np.ndarray[Any, Any], dtype: str, layout: str) -> Any:
        """Return one array as the implementation wants it."""
        array = value.astype(dtype) if value.dtype == np.float64 else value.copy()
        if layout == BACKWARDS and array.ndim:
            backwards = (slice(None, None, -1),) * array.ndim
            return array[backwards].copy()[backwards]  # negative strides
        return in_layout(array, layout, np.stack, np.asfortranarray)

    def carries(self, value: Any) -> bool:
        """Whether these arrays can hold a case's value as it is."""
        return True

    def take(self, value: Any) -> Any:
        """Return what an implementation returned as NumPy or plain Python."""
        if several(value):
            return [np.asarray(self.take_array(item)) for item in value]
        return self.take_array(value)

    def take_array(self, value: Any) -> Any:
        """Return one array as NumPy, and what is no array as it is."""
        return value

    def gradients(
        self, function: Callable[..., Any], inputs: list[Any], of: Sequence[int], upstream: list[Any]
    ) -> list[Any]:
        """Compute the gradients of `sum(upstream * function(*inputs))` for the inputs at the places `of`."""
        raise TypeError("these arrays do not differentiate: write the …_backward function")

    def memory(self, value: Any) -> np.ndarray[Any, Any] | None:
        """Return an array on the memory of a value, to see what shares it; None where that cannot be asked."""
        return value if isinstance(value, np.ndarray) else None


class ListArrays(Arrays):
    """Nested Python lists, for code without any library."""

    dtypes: tuple[str, ...] = ("float64",)

    def give_array(self, value: np.ndarray[Any, Any], dtype: str, layout: str) -> Any:
        """Return an array as nested lists."""
        return value.tolist()

    def carries(self, value: Any) -> bool:
        """Whether lists have this shape: of (2, 0, 3) they lose the 3."""
        arrays = [part for part in parts(value) if isinstance(part, np.ndarray)]
        return all(np.asarray(array.tolist()).shape == array.shape for array in arrays)


class TorchArrays(Arrays):
    """torch tensors, differentiated by autograd."""

    dtypes: tuple[str, ...] = ("float64", "float32", "bfloat16")
    differentiates = True

    def give_array(self, value: np.ndarray[Any, Any], dtype: str, layout: str) -> Any:
        """Return a tensor; floats in `dtype`."""
        import torch

        tensor = torch.from_numpy(value.copy())
        if tensor.dtype == torch.float64:
            tensor = tensor.to(getattr(torch, dtype))
        backwards = tuple(range(tensor.ndim))[::-1]
        transposed = tensor.permute(backwards).contiguous().permute(backwards)
        return in_layout(tensor, layout, torch.stack, lambda x: transposed)

    def take_array(self, value: Any) -> Any:
        """Return a tensor as NumPy; bfloat16, which NumPy lacks, as float64."""
        import torch

        if isinstance(value, torch.Tensor):
            value = value.detach().cpu()
            return value.to(torch.float64).numpy() if value.is_floating_point() else value.numpy()
        return value

    def gradients(
        self, function: Callable[..., Any], inputs: list[Any], of: Sequence[int], upstream: list[Any]
    ) -> list[Any]:
        """Differentiate by autograd; an input that the output does not depend on has gradient zero."""
        import torch

        inputs = [x.detach().requires_grad_() if place in of else x for place, x in enumerate(inputs)]
        leaves = [inputs[place] for place in of]
        outputs = function(*inputs)
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        pairs = [(out, up.to(out.dtype)) for out, up in zip(outputs, upstream, strict=True) if up is not None]
        pairs = [(out, up) for out, up in pairs if out.requires_grad]  # the others depend on no input
        if not pairs:
            return [torch.zeros_like(leaf) for leaf in leaves]
        results, along = zip(*pairs, strict=True)
        return list(torch.autograd.grad(results, leaves, along, allow_unused=True, materialize_grads=True))

    def memory(self, value: Any) -> np.ndarray[Any, Any] | None:
        """Return an array on the memory of a tensor."""
        import torch

        return value.detach().numpy() if isinstance(value, torch.Tensor) and value.dtype != torch.bfloat16 else None


class JaxArrays(Arrays):
    """JAX arrays, differentiated by `jax.vjp`."""

    dtypes: tuple[str, ...] = ("float64", "float32", "bfloat16")
    differentiates = True

    def give_array(self, value: np.ndarray[Any, Any], dtype: str, layout: str) -> Any:
        """Return a JAX array; 64-bit floats are switched on first."""
        import jax

        jax.config.update("jax_enable_x64", True)
        return jax.numpy.asarray(value, dtype=dtype if value.dtype == np.float64 else value.dtype)

    def take_array(self, value: Any) -> Any:
        """Return a JAX array as NumPy."""
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.name == "bfloat16" else array

    def gradients(
        self, function: Callable[..., Any], inputs: list[Any], of: Sequence[int], upstream: list[Any]
    ) -> list[Any]:
        """Differentiate by reverse mode, for the chosen inputs only."""
        import jax

        def chosen(*leaves: Any) -> Any:
            complete = list(inputs)
            for place, leaf in zip(of, leaves, strict=True):
                complete[place] = leaf
            return function(*complete)

        outputs, pull_back = jax.vjp(chosen, *[inputs[place] for place in of])
        cotangent = tuple(upstream) if isinstance(outputs, tuple) else upstream[0]
        return list(pull_back(cotangent))


KINDS: dict[str, Arrays] = {"numpy": Arrays(), "lists": ListArrays(), "torch": TorchArrays(), "jax": JaxArrays()}
