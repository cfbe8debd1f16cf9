"""The first tensor in which two models part, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor, nn

from llm_layers.config import ModelConfig
from llm_layers.inspection.causes.guess import Cause, Scene
from llm_layers.inspection.causes.naming import EXACT, causes_of_gradient, causes_of_value, causes_of_weight
from llm_layers.inspection.difference import Difference, difference
from llm_layers.inspection.flow import hidden_weights_of, weights_of
from llm_layers.inspection.recording import Recording, record
from llm_layers.inspection.subject import Subject, subject_of
from llm_layers.interface import LayersError

TOLERANCES = {torch.float64: 1e-7, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}
"""By the coarser of the two models' types: some hundred times what rounding leaves after a few blocks."""
LOOSER = 10.0
"""Gradients have come through everything twice."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One tensor that both models have.

    Args:
        name: of the point, or of the weight.
        kind: whether the numbers are values, gradients at a point, or a weight's gradient, or a weight.
        difference: how far the two lie apart.
        limit: up to which relative difference they count as equal.
    """

    name: str
    kind: Literal["value", "gradient", "weight's gradient", "weight"]
    difference: Difference
    limit: float

    @property
    def differs(self) -> bool:
        """Whether the two lie further apart than that."""
        return self.difference.relative > self.limit


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """What `first_divergence` found.

    Args:
        first: the first part that differs: values from the text on, then gradients from the loss back, then weights
            that this text does not use; None when all agree.
        causes: causes of it that the numbers confirm, the likeliest first; none when it is not known.
        parts: everything that was compared, in that order.
        weights: names of the weights that differ.
        settings: fields of the configuration that differ, with both values.
        losses: mean cross-entropy of the text in both.
        tolerance: up to which relative difference two values count as equal; gradients have ten times as much, and
            weights as much where a tolerance was given, else next to nothing.
    """

    first: Part | None
    causes: tuple[Cause, ...]
    parts: tuple[Part, ...]
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
    a: nn.Module | Subject,
    b: nn.Module | Subject,
    ids: Int[Tensor, "batch position"],
    *,
    tolerance: float | None = None,
    gradients: bool = True,
) -> Divergence:
    """Find the first tensor in which two models differ, and name the cause where the numbers confirm one.

    Why it works:
        A fault shows in everything behind it, so the logits only say that there is one. At the first tensor that
        differs all inputs are still the same, and so only one step of arithmetic, with its weight, can be at fault.
        For each mistake that is made in practice it can be worked out what that step would then give; a mistake is
        named only when what it would give is what stands there. Backwards the same holds from the loss on.

    Args:
        a: the model that is taken to be right: a `Decoder`, a module with its names, or one from `load_transformers`.
        b: the model in doubt, of the same shape. In float64 (`model.double()`) more is seen than in float32.
        ids: a text, of which at least 2 tokens.
        tolerance: largest difference that counts as none, as a share of the largest number of a tensor; None takes
            the one that fits the models' type, and lets weights differ by nothing: they are copied, not computed.
        gradients: whether the backward pass is compared too.

    Raises:
        LayersError: when the two models are not of one shape, or a module does not have our names.
    """
    first, second = subject_of(a), subject_of(b)
    check_shapes(first.config, second.config)
    exact = EXACT if tolerance is None else tolerance
    if tolerance is None:
        types = {weight.dtype for subject in (first, second) for weight in subject.module.parameters()}
        tolerance = max(TOLERANCES.get(dtype, 1e-4) for dtype in types)
    one, other = (record(subject, ids, gradients=gradients) for subject in (first, second))
    floor = _floor(one)
    parts = tuple(_parts(one, other, tolerance, exact, floor))
    found = next((part for part in parts if part.differs), None)
    settings = {
        name: (value, getattr(second.config, name))
        for name, value in vars(first.config).items()
        if value != getattr(second.config, name)
    }
    return Divergence(
        first=found,
        causes=() if found is None else tuple(_causes(one, other, found, tolerance, floor)),
        parts=parts,
        weights=tuple(part.name for part in parts if part.kind == "weight" and part.differs),
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
    """Give the size below which a gradient is nothing but rounding: a key's bias, for one, has none in truth."""
    sizes = sorted(gradient.abs().max().item() for gradient in (*a.gradients.values(), *a.weight_gradients.values()))
    return 1e-2 * sizes[len(sizes) // 2] if sizes else 0.0


def _parts(a: Recording, b: Recording, tolerance: float, exact: float, floor: float) -> Iterator[Part]:
    shared, looser = [point for point in a.values if point in b.values], LOOSER * tolerance
    for point in shared:
        found = _difference(a.values[point], b.values[point], tolerance)
        yield Part(name=point, kind="value", difference=found, limit=tolerance)
    seen: set[str] = set()
    for point in reversed(shared):  # a gradient is made from those of the points behind
        if point in a.gradients and point in b.gradients:
            found = _difference(a.gradients[point], b.gradients[point], looser, floor)
            yield Part(name=point, kind="gradient", difference=found, limit=looser)
        names = [*weights_of(point, a.weights), *hidden_weights_of(point, a.weights, shared)]
        for name in [name for name in names if name not in seen]:
            if name == "embedding.table" and point != "embedding" and "embedding" in shared:
                continue  # a tied table's gradient is complete only at the very end
            seen.add(name)
            if name in a.weight_gradients and name in b.weight_gradients:
                found = _difference(a.weight_gradients[name], b.weight_gradients[name], looser, floor)
                yield Part(name=name, kind="weight's gradient", difference=found, limit=looser)
    for name, weight in a.weights.items():
        if name in b.weights:
            found = _difference(weight, b.weights[name], exact)
            yield Part(name=name, kind="weight", difference=found, limit=exact)


def _difference(a: Tensor, b: Tensor, tolerance: float, floor: float = 0.0) -> Difference:
    if a.shape != b.shape:
        raise LayersError(
            f"the two models must give tensors of one shape, but gave {list(a.shape)} and {list(b.shape)}"
        )
    return difference(a, b, tolerance, floor)


def _causes(a: Recording, b: Recording, part: Part, tolerance: float, floor: float) -> list[Cause]:
    """Take A for the right one, and if nothing fits, B: a mistake in A has no name from B's side."""
    for right, wrong, names in ((a, b, ("A", "B")), (b, a, ("B", "A"))):
        if part.kind == "value":
            found = causes_of_value(Scene(a=right, b=wrong, point=part.name), tolerance)
        elif part.kind == "weight":
            found = causes_of_weight(Scene(a=right, b=wrong, point=_user_of(part.name)), part.name, tolerance)
        else:
            point = part.name if part.kind == "gradient" else _user_of(part.name)
            weight = part.name if part.kind == "weight's gradient" else None
            found = causes_of_gradient(Scene(a=right, b=wrong, point=point), weight, LOOSER * tolerance, floor)
        if found:
            first, second = names
            once = {cause.name: cause for cause in reversed(found)}  # the first of each name
            ordered = [cause for cause in found if once[cause.name] is cause]
            return [Cause(name=c.name, says=c.says.format(a=first, b=second), left=c.left) for c in ordered]
    return []


def _user_of(weight: str) -> str:
    """Give the point at which a weight is used; a weight in doubt by itself is never the head's."""
    return "embedding" if weight == "embedding.table" else weight.rpartition(".")[0]
