"""What the optimizers that treat each weight by itself share: their settings by name, and how exact their state is."""

from collections.abc import Mapping

import torch
from torch import Tensor

from llm_train.interface import TrainError


def check_names(
    parameters: Mapping[str, Tensor], learning_rates: Mapping[str, float], weight_decay: Mapping[str, float]
) -> None:
    """Refuse settings of names that are no parameters, and parameters without a learning rate.

    Raises:
        TrainError: A parameter has no learning rate, or a rate or a decay has no parameter.
    """
    if wrong := sorted((parameters.keys() ^ learning_rates.keys()) | (weight_decay.keys() - parameters.keys())):
        raise TrainError(
            "learning_rates must have the names of the parameters, and weight_decay some of them; "
            f"they differ in {', '.join(wrong)}"
        )


def zeros_for(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return zeros of each parameter's shape, in float32 at least.

    In float16 the square of a gradient of 300 is beyond all numbers, and that of 1e-4 is zero; in bfloat16 a running
    mean that keeps 0.999 of itself never moves, since it is rounded back in every step.
    """
    return {
        name: torch.zeros_like(one, dtype=torch.promote_types(one.dtype, torch.float32))
        for name, one in parameters.items()
    }
