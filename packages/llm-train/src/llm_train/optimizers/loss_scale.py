"""Loss scaling: lift small gradients into the range of float16, and find by trial how far."""

from collections.abc import Mapping

import torch
from torch import Tensor

from llm_train.interface import NonFiniteError

LARGEST = torch.finfo(torch.float32).max


def update_loss_scale(
    scale: float, good_steps: int, found_inf: bool, *, growth: float = 2.0, backoff: float = 0.5, interval: int = 2000
) -> tuple[float, int]:
    """Return the loss scale for the next step, and how many steps in a row have gone well.

    Formula:
        found:  scale · backoff, 0
        not found:  scale, n + 1;  or  scale · growth, 0  where n + 1 = interval

    Why it works:
        float16 knows no number below 6·10⁻⁸, and many gradients are smaller: they become zero. The gradient of
        scale · loss is scale times the gradient, so a scale of some ten thousand brings them back; the gradients are
        divided by it again in float32, before anything looks at them. The best scale is the largest at which nothing
        overflows, and it changes during a training. So it is tried out: after a long time without an overflow it grows,
        after one it is cut at once, and that step is left out. Powers of two change exponents only, never a digit.

        bfloat16 has float32's exponents and needs no scale.

    Args:
        scale: by which the loss of this step was multiplied.
        good_steps: n, steps in a row before this one without an overflow at this scale.
        found_inf: whether a gradient of this step is infinite or not a number, on any machine. Then no weight and no
            moment may be updated in this step.
        growth: above 1.
        backoff: from above 0 to below 1.
        interval: good steps after which the scale grows; it does not grow beyond float32's largest number.

    Spec: train.loss_scale
    Source: Micikevicius et al. 2018, "Mixed Precision Training", arXiv:1710.03740.
    """
    if found_inf:
        return scale * backoff, 0
    if good_steps + 1 < interval:
        return scale, good_steps + 1
    return (scale * growth if scale * growth <= LARGEST else scale), 0


class LossScale:
    """Holds the scale of `update_loss_scale`.

    The loss is multiplied by `scale` before the backward pass, the gradients are divided by it; where their norm is
    not finite, the update is left out. `update` is called after each step, with or without an update.
    """

    def __init__(
        self, scale: float = 2.0**16, *, growth: float = 2.0, backoff: float = 0.5, interval: int = 2000
    ) -> None:
        """Take the scale of the first step and the settings of `update_loss_scale`."""
        self.scale, self.good_steps = scale, 0
        self.growth, self.backoff, self.interval = growth, backoff, interval

    def update(self, found_inf: bool) -> None:
        """Take note of how a step went.

        Raises:
            NonFiniteError: gradients overflow although the scale is below 1; then it is not the scale.
        """
        if found_inf and self.scale < 1:
            raise NonFiniteError(f"the gradients are infinite or not a number at a loss scale of {self.scale:g} too")
        settings = {"growth": self.growth, "backoff": self.backoff}
        self.scale, self.good_steps = update_loss_scale(
            self.scale, self.good_steps, found_inf, interval=self.interval, **settings
        )

    def state(self) -> dict[str, Tensor]:
        """Return the scale and the number of good steps."""
        return {
            "scale": torch.tensor(self.scale, dtype=torch.float64), "good_steps": torch.tensor(self.good_steps),
        }  # fmt: skip

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state that `state` returned."""
        self.scale, self.good_steps = float(state["scale"]), int(state["good_steps"])
