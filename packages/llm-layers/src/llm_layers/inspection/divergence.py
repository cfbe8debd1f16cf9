"""The first tensor that differs between two models, and why."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor, nn

from llm_layers.config import ModelConfig
from llm_layers.inspection.causes.dispatch import EXACT, causes_of_gradient, causes_of_value, causes_of_weight
from llm_layers.inspection.causes.hypothesis import Cause, Mismatch
from llm_layers.inspection.deviation import Deviation, deviation
from llm_layers.inspection.flow import hidden_weights_of, weights_of
from llm_layers.inspection.inspected_model import InspectedModel, inspected_model
from llm_layers.inspection.recording import Recording, record
from llm_layers.interface import LayersError

TOLERANCES = {torch.float64: 1e-7, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}
"""By the coarser of the two models' types: some hundred times what rounding leaves after a few blocks."""
LOOSER = 10.0
"""Gradients have come through everything twice."""
Kind = Literal["value", "gradient", "weight's gradient", "weight"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One tensor that both models have.

    Args:
        name: of the point, or of the weight.
        kind: what is compared: a value, the gradient at a point, a weight's gradient, or a weight.
        deviation: how far the two are apart.
        limit: the relative deviation up to which they count as equal.
    """

    name: str
    kind: Kind
    deviation: Deviation
    limit: float

    @property
    def differs(self) -> bool:
        """Whether the two are further apart than the limit."""
        return self.deviation.relative > self.limit


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """What `first_divergence` found.

    Args:
        first: the first tensor that differs: values from the text on, then gradients from the loss backwards, then
            weights that this text does not use; None when all agree.
        causes: causes of it that the values confirm, the likeliest first; empty when it is not known.
        compared: everything that was compared, in that order.
        weights: names of the weights that differ.
        settings: fields of the configuration that differ, with both values.
        losses: mean cross-entropy of the text in both.
        tolerance: the relative deviation up to which two values count as equal; gradients have ten times as much, and
            weights as much where a tolerance was given, else next to nothing.
    """

    first: Comparison | None
    causes: tuple[Cause, ...]
    compared: tuple[Comparison, ...]
    weights: tuple[str, ...]
    settings: dict[str, tuple[object, object]]
    losses: tuple[float, float]
    tolerance: float

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.first is None

    @property
    def cause(self) -> str:
        """The likeliest cause in a few words, or "unknown"; "none" for models that agree."""
        if self.first is None:
            return "none"
        return self.causes[0].name if self.causes else "unknown"


def first_divergence(
    a: nn.Module | InspectedModel,
    b: nn.Module | InspectedModel,
    ids: Int[Tensor, "batch position"],
    *,
    tolerance: float | None = None,
    gradients: bool = True,
) -> Divergence:
    """Find the first tensor in which two models differ, and name the cause where the values confirm one.

    Why it works:
        A fault shows in everything after it, so the logits only say that there is one. At the first tensor that
        differs all inputs are still the same, so only one step of arithmetic, with its weight, can be at fault. That
        step is run again with each mistake that the specification knows of its functions; a mistake is named only
        when it gives what the second model has. The same holds for gradients, from the loss backwards.

    Args:
        a: the model that is taken to be right: a `Decoder`, a module with its names, or one from `load_transformers`.
        b: the model in doubt, of the same shape. In float64 (`model.double()`) more is seen than in float32.
        ids: a text, of which at least 2 tokens.
        tolerance: largest deviation that counts as none, as a fraction of the largest value of a tensor; None takes
            the one that fits the models' type, and lets weights differ by nothing: they are copied, not computed.
        gradients: whether the backward pass is compared too.

    Raises:
        LayersError: when the two models are not of one shape, or a module does not have our names.
    """
    first, second = inspected_model(a), inspected_model(b)
    check_shapes(first.config, second.config)
    exact = EXACT if tolerance is None else tolerance
    if tolerance is None:
        types = {weight.dtype for model in (first, second) for weight in model.module.parameters()}
        tolerance = max(TOLERANCES.get(dtype, 1e-4) for dtype in types)
    one, other = (record(model, ids, gradients=gradients) for model in (first, second))
    floor = _floor(one)
    compared = tuple(_compared(one, other, tolerance, exact, floor))
    found = next((each for each in compared if each.differs), None)
    settings = {
        name: (value, getattr(second.config, name))
        for name, value in vars(first.config).items()
        if value != getattr(second.config, name)
    }
    return Divergence(
        first=found,
        causes=() if found is None else tuple(_causes(one, other, found, tolerance, floor)),
        compared=compared,
        weights=tuple(each.name for each in compared if each.kind == "weight" and each.differs),
        settings=settings,
        losses=(one.loss, other.loss),
        tolerance=tolerance,
    )


def check_shapes(a: ModelConfig, b: ModelConfig) -> None:
    """Refuse two models that are not of one shape."""
    for name in ("vocab_size", "d_model", "layers", "heads", "kv_heads", "d_head", "d_ff"):
        one, other = getattr(a, name), getattr(b, name)
        if one != other:
            raise LayersError(
                f"the two models must be of one shape, but {name} is {one} in the first and {other} in the second: "
                "compare two models that were meant to be the same"
            )


def _floor(a: Recording) -> float:
    """Return the size below which a gradient is nothing but rounding: a key's bias, for one, has none in truth."""
    sizes = sorted(gradient.abs().max().item() for gradient in (*a.gradients.values(), *a.weight_gradients.values()))
    return 1e-2 * sizes[len(sizes) // 2] if sizes else 0.0


def _compared(a: Recording, b: Recording, tolerance: float, exact: float, floor: float) -> Iterator[Comparison]:
    shared, looser = [point for point in a.values if point in b.values], LOOSER * tolerance
    for point in shared:
        yield _comparison(point, "value", a.values, b.values, tolerance)
    seen: set[str] = set()
    for point in reversed(shared):  # a gradient is computed from those of the points after it
        if point in a.gradients and point in b.gradients:
            yield _comparison(point, "gradient", a.gradients, b.gradients, looser, floor)
        names = [*weights_of(point, a.weights), *hidden_weights_of(point, a.weights, shared)]
        for name in [name for name in names if name not in seen]:
            if name == "embedding.table" and point != "embedding" and "embedding" in shared:
                continue  # a tied table's gradient is complete only at the very end
            seen.add(name)
            if name in a.weight_gradients and name in b.weight_gradients:
                yield _comparison(name, "weight's gradient", a.weight_gradients, b.weight_gradients, looser, floor)
    for name in a.weights:
        if name in b.weights:
            yield _comparison(name, "weight", a.weights, b.weights, exact)


def _comparison(
    name: str, kind: Kind, a: dict[str, Tensor], b: dict[str, Tensor], limit: float, floor: float = 0.0
) -> Comparison:
    one, other = a[name], b[name]
    if one.shape != other.shape:
        raise LayersError(
            f"the two models must give tensors of one shape, but gave {list(one.shape)} and {list(other.shape)}"
        )
    return Comparison(name=name, kind=kind, deviation=deviation(one, other, limit, floor), limit=limit)


def _causes(a: Recording, b: Recording, first: Comparison, tolerance: float, floor: float) -> list[Cause]:
    """Take A for the right one, and if nothing fits, B: a mistake in A has no name from B's side."""
    name, of_weight = first.name, first.kind.startswith("weight")
    point = "embedding" if name == "embedding.table" else name.rpartition(".")[0] if of_weight else name
    for right, wrong, (one, other) in ((a, b, ("A", "B")), (b, a, ("B", "A"))):
        mismatch = Mismatch(a=right, b=wrong, point=point, tolerance=tolerance)
        if first.kind == "value":
            found = causes_of_value(mismatch)
        elif first.kind == "weight":
            found = causes_of_weight(mismatch, name)
        else:
            found = causes_of_gradient(replace(mismatch, tolerance=LOOSER * tolerance, floor=floor), name)
        if found:
            once = {cause.name: cause for cause in reversed(found)}  # the first of each name
            return [
                replace(cause, says=cause.says.replace("{a}", one).replace("{b}", other))
                for cause in found
                if once[cause.name] is cause
            ]
    return []
