"""SGD, written otherwise."""

from typing import Any

import numpy as np
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("train.sgd")

Array = np.ndarray[Any, Any]


@variant("in place, on copies")
def on_copies(
    parameter: Tensor, gradient: Tensor, velocity: Tensor,
    learning_rate: float, momentum: float, weight_decay: float, nesterov: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    p, g, v = parameter.clone(), gradient.clone(), velocity.clone()
    g.add_(p, alpha=weight_decay)
    v.mul_(momentum).add_(g)
    p.sub_(g.add_(v, alpha=momentum) if nesterov else v, alpha=learning_rate)
    return p, v


@variant("float32 inside", arrays="numpy")
def in_float32(
    parameter: Array, gradient: Array, velocity: Array,
    learning_rate: float, momentum: float, weight_decay: float, nesterov: bool,
) -> list[Array]:  # fmt: skip
    p, g, v = (array.astype(np.float32) for array in (parameter, gradient, velocity))
    g = g + np.float32(weight_decay) * p
    v = np.float32(momentum) * v + g
    step = g + np.float32(momentum) * v if nesterov else v
    return [array.astype(parameter.dtype) for array in (p - np.float32(learning_rate) * step, v)]


@variant("decay as a factor of the parameter", arrays="numpy")
def decay_as_a_factor(
    parameter: Array, gradient: Array, velocity: Array,
    learning_rate: float, momentum: float, weight_decay: float, nesterov: bool,
) -> tuple[Array, Array]:  # fmt: skip
    v = momentum * velocity + weight_decay * parameter + gradient
    of_gradient, of_velocity = (1.0, momentum) if nesterov else (0.0, 1.0)
    shrunk = parameter * (1 - learning_rate * of_gradient * weight_decay)
    return shrunk - learning_rate * of_gradient * gradient - learning_rate * of_velocity * v, v
