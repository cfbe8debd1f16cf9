"""A hypothesis about a cause is a prediction of B's values. Only one that comes true counts."""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from math import inf

from torch import Tensor
from torch.nn import functional as F

from llm_layers.config import ModelConfig
from llm_layers.inspection.deviation import relative_deviation
from llm_layers.inspection.flow import PRODUCTS, layer_and_part
from llm_layers.inspection.recording import Recording

MUST_EXPLAIN = 20.0
"""How many times smaller a hypothesis must make the difference; rounding alone leaves it a thousand times smaller."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A cause that the values confirm.

    Args:
        name: in a few words, the same for every model.
        says: a sentence on what the two models do; `{a}` and `{b}` are placeholders for their names.
        left: the relative difference that is left when the cause is taken into account.
    """

    name: str
    says: str
    left: float


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """A possible cause, and what B's values would then be: point or weight -> tensor."""

    name: str
    says: str
    predicts: dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """The first tensor that differs: everything before it is the same in A and B.

    Args:
        a: what the first model computed.
        b: what the second did.
        point: the point that differs, or whose weight does.
        tolerance: the relative difference up to which two tensors count as equal.
        floor: lower bound of the scale of a gradient.
    """

    a: Recording
    b: Recording
    point: str
    tolerance: float
    floor: float = 0.0

    @property
    def layer(self) -> int | None:
        """The block, or None outside the blocks."""
        return layer_and_part(self.point)[0]

    @property
    def part(self) -> str:
        """The point without the number of its block."""
        return layer_and_part(self.point)[1]

    @property
    def config(self) -> ModelConfig:
        """Shape and design of A."""
        return self.a.config

    @property
    def seen(self) -> Set[str]:
        """The points that both models show."""
        return self.a.values.keys() & self.b.values.keys()

    def full(self, part: str) -> str:
        """Return the name of a part of the same block."""
        return part if self.layer is None else f"blocks.{self.layer}.{part}"

    def weight(self, part: str) -> Tensor | None:
        """Return a weight of A in the same block."""
        return self.a.weights.get(self.full(part))

    def value(self, part: str) -> Tensor | None:
        """Return what A computed at a point of the same block; None where it has no such point.

        The output of a linear layer that a fused kernel does not show is computed from its input.
        """
        found, weight = self.a.values.get(self.full(part)), self.weight(f"{part}.weight")
        if found is not None or weight is None or part == "feed_forward.output":
            return found
        source = next((x for x in map(self.value, PRODUCTS.get(part, ())) if x is not None), None)
        return None if source is None else F.linear(source, weight, self.weight(f"{part}.bias"))

    def confirmed(
        self, hypotheses: Iterable[Hypothesis], right: dict[str, Tensor], target: dict[str, Tensor]
    ) -> list[Cause]:
        """Return the hypotheses that come true, in their order.

        Every tensor of `target` that a hypothesis predicts must be as predicted, and at least one of them must differ
        from A's.

        Args:
            hypotheses: the special ones first.
            right: A's tensors.
            target: B's tensors.
        """
        before = {name: relative_deviation(right[name], b, self.floor) for name, b in target.items() if name in right}
        causes = []
        for hypothesis in hypotheses:
            explained = []
            for name, x in hypothesis.predicts.items():
                if name in before and x.numel() == target[name].numel():
                    left = relative_deviation(x.reshape(target[name].shape), target[name], self.floor)
                    differs = before[name] > self.tolerance
                    if left > min(self.tolerance, before[name] / MUST_EXPLAIN if differs else inf):
                        break
                    explained += [left] if differs else []
            else:
                if explained:
                    causes.append(Cause(name=hypothesis.name, says=hypothesis.says, left=max(explained)))
        return causes
