"""How values are passed to an implementation and taken back: NumPy, torch, JAX or plain lists.

An implementation states which it wants in one line, `SPEC_ARRAYS = "torch"`. torch and JAX can
differentiate by themselves; NumPy and lists need a hand-written `…_backward`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Arrays:
    """NumPy arrays in, NumPy arrays out: the default, and the base of the other kinds.

    `dtypes` are the precisions that a kind knows; `differentiates`: whether it computes gradients by itself.
    """

    dtypes: tuple[str, ...] = ("float64", "float32")
    differentiates = False

    def give(self, value: Any, dtype: str, layout: str) -> Any:
        """Return a case's value as the implementation wants it: floats in `dtype`, always a fresh copy.

        `layout` may ask for a view that is not contiguous.
        """
        if not isinstance(value, np.ndarray):
            return copy.deepcopy(value)
        array = value.astype(dtype) if value.dtype == np.float64 else value.copy()
        if layout == "non-contiguous" and array.ndim:
            return np.stack([array, np.zeros_like(array)], axis=-1)[..., 0]  # a gap after every value
        return array

    def take(self, value: Any) -> Any:
        """Return what an implementation returned as NumPy or plain Python."""
        return value

    def gradients(
        self, function: Callable[..., Any], inputs: list[Any], of: Sequence[int], upstream: list[Any]
    ) -> list[Any]:
        """Compute the gradients of `sum(upstream * function(*inputs))` for the inputs at the places `of`."""
        raise TypeError("these arrays do not differentiate: write the …_backward function")


class ListArrays(Arrays):
    """Nested Python lists, for code without any library."""

    dtypes: tuple[str, ...] = ("float64",)

    def give(self, value: Any, dtype: str, layout: str) -> Any:
        """Return an array as nested lists."""
        return value.tolist() if isinstance(value, np.ndarray) else copy.deepcopy(value)


class TorchArrays(Arrays):
    """torch tensors, differentiated by autograd."""

    dtypes: tuple[str, ...] = ("float64", "float32", "bfloat16")
    differentiates = True

    def give(self, value: Any, dtype: str, layout: str) -> Any:
        """Return a tensor; floats in `dtype`."""
        if not isinstance(value, np.ndarray):
            return copy.deepcopy(value)
        import torch

        tensor = torch.from_numpy(value.copy())
        if tensor.dtype == torch.float64:
            tensor = tensor.to(getattr(torch, dtype))
        if layout == "non-contiguous" and value.ndim:
            return torch.stack([tensor, torch.zeros_like(tensor)], dim=-1)[..., 0]
        return tensor

    def take(self, value: Any) -> Any:
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

        leaves = [inputs[place].requires_grad_() for place in of]
        outputs = function(*inputs)
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        pairs = [(out, up.to(out.dtype)) for out, up in zip(outputs, upstream, strict=True) if up is not None]
        found = torch.autograd.grad([out for out, _ in pairs], leaves, [up for _, up in pairs], allow_unused=True)
        return [
            torch.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(leaves, found, strict=True)
        ]


class JaxArrays(Arrays):
    """JAX arrays, differentiated by `jax.vjp`."""

    dtypes: tuple[str, ...] = ("float64", "float32", "bfloat16")
    differentiates = True

    def give(self, value: Any, dtype: str, layout: str) -> Any:
        """Return a JAX array; 64-bit floats are switched on first."""
        if not isinstance(value, np.ndarray):
            return copy.deepcopy(value)
        import jax

        jax.config.update("jax_enable_x64", True)
        return jax.numpy.asarray(value, dtype=dtype if value.dtype == np.float64 else value.dtype)

    def take(self, value: Any) -> Any:
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
