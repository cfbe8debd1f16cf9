"""Where functions of yours go: into the kernels of the model, and into the parts of the loop.

A contract's function is pure: it takes weights and returns new ones. Ours sometimes take a layer, or update in place;
each adapter here is the few lines between the two.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from llm_layers import EAGER, Kernels
from llm_layers.layers.loss import IGNORE_INDEX
from llm_train.data.batch import Batch
from llm_train.interface import Objective, TrainError
from llm_train.objectives.next_token import asked_of_the_model, next_token_loss
from llm_train.optimizers import CombinedOptimizer
from llm_train.parts.files import Parts

Function = Callable[..., Any]

NORMS = {"rms": "rms_norm", "rms_unit_offset": "rms_norm", "layer": "layer_norm"}
FEED_FORWARD = {
    "swiglu": "swiglu", "geglu": "geglu", "gelu": "gelu_feed_forward", "relu_squared": "relu_squared_feed_forward",
}  # fmt: skip
"""The names of the functions by the words of a design."""


def kernels_with(parts: Parts, kernels: Kernels = EAGER) -> Kernels:
    """Return the kernels with your functions in the place of ours."""
    own = parts.of(("linear", "attention", *NORMS.values()))
    fed = {name: partial(_with_weights, name, one) for name, one in parts.of(FEED_FORWARD.values()).items()}
    return replace(kernels, **own, **fed)


def objective_with(parts: Parts) -> Objective:
    """Return the objective of the training: that of pretraining, with your cross-entropy if there is one."""
    function = parts.functions.get("cross_entropy")
    return next_token_loss if function is None else partial(_cross_entropy, function)


def optimizer_with(parts: Parts, optimizer: CombinedOptimizer) -> CombinedOptimizer:
    """Let the optimizers update by your functions, and return them."""
    adapters: dict[str, Function] = {"adamw": _adamw, "sgd": _sgd, "muon": _muon}
    for kind, some in optimizer.parts.items():
        if kind in parts.functions:
            for one in some:
                one.update = partial(adapters[kind], parts.functions[kind])  # type: ignore[attr-defined]
    return optimizer


def _with_weights(name: str, function: Function, x: Tensor, *layers: Any) -> Tensor:
    """Pass the weights of the layers to a feed-forward function, and their biases where it takes them."""
    biased = name == "gelu_feed_forward"
    if any((layer.bias is not None) != biased for layer in layers):
        raise TrainError(f"{name}: its contract has {'' if biased else 'no '}biases, unlike this model: leave it out")
    weights = [one for layer in layers for one in (layer.weight, layer.bias) if one is not None]
    y: Tensor = function(x, *weights)
    return y


def _cross_entropy(function: Function, model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Make a sum of the mean."""
    if batch.weights is not None:
        raise TrainError("cross_entropy: yours returns a mean, which cannot weigh targets: leave it out of --parts")
    counted = (batch.targets != IGNORE_INDEX).sum()
    mean = function(model(batch.tokens, **asked_of_the_model(batch)), batch.targets, IGNORE_INDEX)
    return mean * counted, counted


def _adamw(
    function: Function, parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, step: int, *,
    learning_rate: float, beta1: float, beta2: float, eps: float, weight_decay: float,
) -> None:  # fmt: skip
    settings = learning_rate, beta1, beta2, eps, weight_decay
    _copy((parameter, first, second), function(parameter, gradient, first, second, step, *settings))


def _sgd(
    function: Function, parameter: Tensor, gradient: Tensor, velocity: Tensor, *,
    learning_rate: float, momentum: float, weight_decay: float, nesterov: bool,
) -> None:  # fmt: skip
    settings = learning_rate, momentum, weight_decay, nesterov
    _copy((parameter, velocity), function(parameter, gradient, velocity, *settings))


def _muon(
    function: Function, parameters: Sequence[Tensor], gradients: Sequence[Tensor], direction: Tensor, *,
    polynomials: Iterable[Sequence[float]], **settings: Any,
) -> None:  # fmt: skip
    """Update matrix by matrix, in their own dtype: a contract knows no other for the products, and no stacks."""
    rounds = [list(each) for each in polynomials]
    names = "learning_rate", "momentum", "weight_decay"
    first, rest = [settings[name] for name in names], (rounds, settings["margin"], settings["eps"])
    for parameter, gradient, one in zip(_matrices(parameters), _matrices(gradients), direction.unbind(), strict=True):
        _copy((parameter, one), function(parameter, gradient, one, *first, *rest))


def _matrices(stacks: Sequence[Tensor]) -> list[Tensor]:
    return [one for stack in stacks for one in (stack.unbind() if stack.ndim == 3 else [stack])]


def _copy(into: Sequence[Tensor], new: Sequence[Tensor]) -> None:
    for old, value in zip(into, new, strict=True):
        old.copy_(value)


def functions_with(parts: Parts, functions: Mapping[str, Function]) -> dict[str, Function]:
    """Return a table of functions by name with yours in the place of ours."""
    return {**functions, **parts.of(functions)}
