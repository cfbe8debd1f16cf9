"""How large the numbers in a model are, layer by layer: what flows forward, and what flows back."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from llm_layers.inspection.flow import weights_of
from llm_layers.inspection.inspected_model import InspectedModel
from llm_layers.inspection.recording import record


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The sizes of the numbers of one tensor; the first three are of its finite numbers.

    Args:
        rms: root mean square.
        mean: mean.
        largest: largest absolute number.
        zeros: share of numbers that are exactly zero.
        not_finite: share of numbers that are infinite or NaN.
    """

    rms: float
    mean: float
    largest: float
    zeros: float
    not_finite: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One tensor of a model, measured.

    Args:
        name: of the point, as in `llm_layers.inspection.flow`, or of the weight.
        kind: an output, the gradient of the loss there, a weight, or a weight's gradient.
        spread: its sizes.
        silent: share of units (last axis) that are zero at every position; for weights 0.
    """

    name: str
    kind: Literal["output", "gradient", "weight", "weight's gradient"]
    spread: Spread
    silent: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What `layer_statistics` measured.

    Args:
        outputs: by point, in the order of the data.
        gradients: of the loss at these points, in the same order.
        weights: by name.
        weight_gradients: by name, in the order in which the data meets the weights.
        loss: of the text.
        limit: the largest number that the type of the outputs can hold.
    """

    outputs: dict[str, Measured]
    gradients: dict[str, Measured]
    weights: dict[str, Measured]
    weight_gradients: dict[str, Measured]
    loss: float
    limit: float


def spread_of(x: Float[Tensor, "..."]) -> Spread:
    """Measure one tensor, in float64, so that no square overflows."""
    numbers = x.detach().double().flatten()
    finite = numbers[numbers.isfinite()]
    some = finite if len(finite) else torch.zeros(1, dtype=torch.float64)
    return Spread(
        rms=some.square().mean().sqrt().item(),
        mean=some.mean().item(),
        largest=some.abs().max().item(),
        zeros=(numbers == 0).double().mean().item(),
        not_finite=1 - len(finite) / max(1, len(numbers)),
    )


def layer_statistics(model: nn.Module | InspectedModel, ids: Int[Tensor, "batch position"]) -> Statistics:
    """Measure every output, every gradient and every weight of a model on one text.

    Why it works:
        A model that will not learn mostly says so in its sizes. Numbers that grow from block to block end in infinity,
        gradients that shrink from block to block leave the first ones unlearned, a unit that is zero for every token
        gets no gradient and stays so. Each of these begins somewhere, and the place says what to look at.

    Args:
        model: a `Decoder`, a module with its names, or one from `load_transformers`. It is not changed; no gradient is
            left in it.
        ids: a text of at least 2 tokens; the loss is the mean cross-entropy of each token after those before it.

    Raises:
        LayersError: for a module without our names, or a text that is too short.
    """
    recording = record(model, ids)
    order = [name for point in recording.values for name in weights_of(point, recording.weights)]
    order = [name for name in dict.fromkeys(order) if name in recording.weight_gradients]
    dtype = next(iter(recording.values.values())).dtype
    return Statistics(
        outputs={
            point: Measured(name=point, kind="output", spread=spread_of(x), silent=_silent(x))
            for point, x in recording.values.items()
            if not point.endswith("attention.mask")
        },
        gradients={
            point: Measured(name=point, kind="gradient", spread=spread_of(x), silent=_silent(x))
            for point, x in recording.gradients.items()
        },
        weights={
            name: Measured(name=name, kind="weight", spread=spread_of(x)) for name, x in recording.weights.items()
        },
        weight_gradients={
            name: Measured(name=name, kind="weight's gradient", spread=spread_of(recording.weight_gradients[name]))
            for name in order
        },
        loss=recording.loss,
        limit=torch.finfo(dtype).max,
    )


def _silent(x: Tensor) -> float:
    return (x == 0).flatten(0, -2).all(dim=0).double().mean().item()
