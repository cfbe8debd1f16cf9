"""A guess at a cause is a prediction: what B would hold if the cause were true. Only a guess that comes true counts."""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from llm_layers.config import ModelConfig
from llm_layers.inspection.difference import difference
from llm_layers.inspection.flow import PRODUCTS, layer_and_part
from llm_layers.inspection.recording import Recording

MUST_EXPLAIN = 20.0
"""How many times smaller a guess must make the difference; rounding alone leaves it a thousand times smaller."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A cause that the numbers confirm.

    Args:
        name: in a few words, the same for every model.
        says: a sentence on what the two models do; `{a}` and `{b}` stand for their names.
        left: the relative difference that is left when the cause is taken into account.
    """

    name: str
    says: str
    left: float


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A possible cause and what B would then hold; None where it does not apply."""

    name: str
    says: str
    value: Tensor | None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The place of the first difference: everything before it is the same in A and B.

    Args:
        a: what the first model computed.
        b: what the second did.
        point: where they part.
    """

    a: Recording
    b: Recording
    point: str

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
    def target(self) -> Tensor:
        """What B holds here."""
        return self.b.values[self.point]

    @property
    def seen(self) -> Set[str]:
        """The points that both models show."""
        return self.a.values.keys() & self.b.values.keys()

    def full(self, part: str) -> str:
        """The name of a part of the same block."""
        return part if self.layer is None else f"blocks.{self.layer}.{part}"

    def value(self, part: str) -> Tensor | None:
        """What A computed at a point of the same block; None where there is no such point.

        A product that a model in larger pieces does not show is worked out from its input.
        """
        found = self.a.values.get(self.full(part))
        weight = self.weight(f"{part}.weight")
        if found is not None or weight is None or part == "feed_forward.output":
            return found
        sources = [self.a.values[self.full(x)] for x in PRODUCTS.get(part, ()) if self.full(x) in self.a.values]
        return F.linear(sources[0], weight, self.weight(f"{part}.bias")) if sources else None

    def weight(self, part: str) -> Tensor | None:
        """A weight of A in the same block."""
        return self.a.weights.get(self.full(part))

    def describes(self, plain: Tensor) -> bool:
        """Say whether a prediction without any mistake in it gives A's numbers.

        Otherwise A has habits of its own, and nothing can be concluded from a prediction with one mistake in it.
        """
        right = self.a.values[self.point]
        if plain.shape != right.shape:
            return False
        before = difference(right, self.target, 0.0).relative
        return difference(plain, right, 0.0).relative <= before / MUST_EXPLAIN

    @property
    def head(self) -> Tensor:
        """The weight of A's head: of its own, or the embedding table."""
        return head_of(self.a)


def head_of(recording: Recording) -> Tensor:
    """Give the weight of the head: of its own, or the embedding table."""
    head = recording.weights.get("head.weight")
    return recording.weights["embedding.table"] if head is None else head


def confirmed(guesses: Iterable[Guess], target: Tensor, before: float, tolerance: float) -> list[Cause]:
    """Give those guesses that come true, in their order.

    Args:
        guesses: the special ones first.
        target: what B holds.
        before: the relative difference that is to be explained.
        tolerance: up to which relative difference two tensors count as equal.
    """
    causes: list[Cause] = []
    for guess in guesses:
        if guess.value is None or guess.value.shape != target.shape:
            continue
        left = difference(guess.value, target, tolerance).relative
        if left <= min(tolerance, before / MUST_EXPLAIN):
            causes.append(Cause(name=guess.name, says=guess.says, left=left))
    return causes
