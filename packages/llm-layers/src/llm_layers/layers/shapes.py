"""Shapes that do not fit are named by the axes of the signature, not in torch's words."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, get_args

from jaxtyping import Shaped, jaxtyped
from torch import Tensor

from llm_layers.interface import LayersError

Function = TypeVar("Function", bound=Callable[..., Tensor])


def names_shapes(function: Function) -> Function:
    """Decorate a function so that shapes that do not fit raise a LayersError; they are looked at if it fails."""

    @wraps(function)
    def call(*values: Any, **named: Any) -> Tensor:
        try:
            return function(*values, **named)
        except (RuntimeError, ValueError):
            bound = signature(function).bind(*values, **named).arguments
            given = {name: value for name, value in bound.items() if isinstance(value, Tensor)}
            hints = {name: function.__annotations__[name] for name in given}
            axes = {name: (get_args(hint) or [hint])[0].dim_str for name, hint in hints.items()}
            with jaxtyped("context"):
                odd = [name for name, value in given.items() if not _fits(value, axes[name])]
            if not odd:
                raise
            wanted = ", ".join(f"{name} ({shape})" for name, shape in axes.items())
            were = ", ".join(f"{name} {tuple(value.shape)}" for name, value in given.items())
            raise LayersError(
                f"the shape of {odd[0]} does not fit: {function.__name__} must get {wanted}, but got {were}"
            ) from None

    return call  # type: ignore[return-value]


def _fits(value: Tensor, axes: str) -> bool:
    kind: Any = Shaped[Tensor, axes]
    return isinstance(value, kind)
