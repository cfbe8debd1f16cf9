"""The chain rule for a whole model: every step of a forward pass on a list, walked back from its end."""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import numpy as np

from llm_layers.reference.arrays import Array
from llm_layers.reference.linear import linear


class Tape:
    """Runs steps and remembers them; each step brings a gradient that was derived by hand.

    A model is a chain of functions. Its gradient is the gradients of its steps, multiplied from the end to the
    beginning, and where a value was used twice, the two gradients that flow back are added.
    """

    def __init__(self) -> None:
        self.steps: list[tuple[Callable[..., Any], tuple[Array, ...], tuple[Any, ...], Array]] = []

    def run(
        self, forward: Any, inputs: tuple[Array, ...], *others: Any, backward: Callable[..., Any] | None = None
    ) -> Array:
        """Return forward(*inputs, *others).

        `backward(dy, *inputs, *others)` returns the gradients of `inputs`; unless it is given, it is the function of
        that name beside `forward`: `rms_norm_backward` beside `rms_norm`.
        """
        output = forward(*inputs, *others)
        backward = backward or unwrap(forward).__globals__[f"{forward.__name__}_backward"]
        self.steps.append((backward, inputs, others, output))
        return output

    def add(self, a: Array, b: Array) -> Array:
        """Compute a + b: both get the whole gradient."""
        return self.run(np.add, (a, b), backward=lambda dy, a, b: (dy, dy))

    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Compute x Wᵀ + b."""
        return self.run(linear, (x, weight, bias))

    def gradients(self, dy: Array, y: Array, of: list[Array]) -> list[Array]:
        """Return the gradients of the arrays `of`, when the last result y has the gradient dy."""
        collected: dict[int, Array] = {id(y): dy}
        for backward, inputs, others, output in reversed(self.steps):
            if id(output) in collected:
                found = backward(collected[id(output)], *inputs, *others)
                for value, gradient in zip(inputs, found if isinstance(found, tuple) else (found,), strict=True):
                    if value is not None:
                        collected[id(value)] = collected.get(id(value), 0) + gradient
        return [collected.get(id(value), np.zeros(value.shape)) for value in of]
