"""How large the values in a model are, layer by layer: outputs, gradients and weights."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from llm_layers.inspection.flow import weights_of
from llm_layers.inspection.inspected_model import InspectedModel
from llm_layers.inspection.recording import record


@dataclass(frozen=True, kw_only=True)
class TensorStatistics:
    """The sizes of the values of one tensor; the first three are of its finite values.

    Args:
        name: of the point, as in `llm_layers.inspection.flow`, or of the weight.
        rms: root mean square.
        mean: mean.
        largest: largest absolute value.
        zeros: fraction of values that are exactly zero.
        not_finite: fraction of values that are infinite or NaN.
        dead: fraction of units (last axis) that are zero at every position.
    """

    name: str
    rms: float
    mean: float
    largest: float
    zeros: float
    not_finite: float
    dead: float


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What `layer_statistics` measured.

    Args:
        outputs: by point, in the order of the data.
        gradients: of the loss at these points, in the same order.
        weights: by name.
        weight_gradients: by name, in the order in which the data meets the weights.
        loss: of the text.
        limit: the largest value of the outputs' type.
    """

    outputs: dict[str, TensorStatistics]
    gradients: dict[str, TensorStatistics]
    weights: dict[str, TensorStatistics]
    weight_gradients: dict[str, TensorStatistics]
    loss: float
    limit: float


def tensor_statistics(name: str, x: Float[Tensor, "..."]) -> TensorStatistics:
    """Measure one tensor, in float64, so that no square overflows."""
    values = x.detach().double().flatten()
    finite = values[values.isfinite()]
    some = finite if len(finite) else torch.zeros(1, dtype=torch.float64)
    return TensorStatistics(
        name=name,
        rms=some.square().mean().sqrt().item(),
        mean=some.mean().item(),
        largest=some.abs().max().item(),
        zeros=(values == 0).double().mean().item(),
        not_finite=1 - len(finite) / max(1, len(values)),
        dead=(x == 0).reshape(-1, x.shape[-1]).all(dim=0).double().mean().item(),
    )


def layer_statistics(model: nn.Module | InspectedModel, ids: Int[Tensor, "batch position"]) -> Statistics:
    """Measure every output, every gradient and every weight of a model on one text.

    Why it works:
        A model that does not learn mostly shows it in its sizes. Values that grow from block to block end in infinity,
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
    gradients = recording.weight_gradients

    def measured(tensors: dict[str, Tensor]) -> dict[str, TensorStatistics]:
        return {name: tensor_statistics(name, x) for name, x in tensors.items()}

    return Statistics(
        outputs=measured({name: x for name, x in recording.values.items() if not name.endswith("attention.mask")}),
        gradients=measured(recording.gradients),
        weights=measured(recording.weights),
        weight_gradients=measured({name: gradients[name] for name in dict.fromkeys(order) if name in gradients}),
        loss=recording.loss,
        limit=torch.finfo(next(iter(recording.values.values())).dtype).max,
    )
