"""How far an update moves the weights, relative to their size: a thermometer of the learning rate."""

import torch
from torch import Tensor, nn

KINDS = ("embedding", "head", "matrices", "vectors")


class UpdateRatios:
    """Compares the weights before and after an update.

    Formula: ‖w_after - w_before‖ / ‖w_before‖, over all weights of a kind together

    Why it works:
        A learning rate says little alone: 0.01 is large for one weight and small for another. What it leads to can be
        compared: with AdamW about a thousandth per update is usual, ten times that is unstable, and a hundredth of
        that hardly learns.

    It needs a copy of all weights, so it is made for some updates only.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self._before: dict[str, Tensor] | None = None

    @torch.no_grad()
    def before(self) -> None:
        """Remember the weights as they are before an update."""
        self._before = {name: weight.detach().clone() for name, weight in self.model.named_parameters()}

    @torch.no_grad()
    def after(self) -> dict[str, float | None]:
        """Return the ratio of each kind of weights since `before`, None where they were all 0; forget them."""
        squares = {kind: [0.0, 0.0] for kind in KINDS}
        before, self._before = self._before or {}, None
        for name, weight in self.model.named_parameters():
            if name in before:
                sums = squares[kind_of(name, weight)]
                sums[0] += float((weight - before[name]).double().square().sum())
                sums[1] += float(before[name].double().square().sum())
        present = {kind: sums for kind, sums in squares.items() if sums[0] or sums[1]}
        return {kind: (moved / size) ** 0.5 if size else None for kind, (moved, size) in present.items()}


def kind_of(name: str, weight: Tensor) -> str:
    """Return which of `KINDS` a weight belongs to."""
    if "embedding" in name:
        return "embedding"
    if name.startswith("head"):
        return "head"
    return "matrices" if weight.ndim > 1 else "vectors"
