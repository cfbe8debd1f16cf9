"""Our own functions under the contracts' names."""

from torch import Tensor

from llm_train.optimizers import adamw_update, clip_gradients
from llm_train.schedule import warmup_cosine, warmup_stable_decay

__all__ = ["SPEC_ARRAYS", "adamw", "clip_gradients", "warmup_cosine", "warmup_stable_decay"]

SPEC_ARRAYS = "torch"


def adamw(
    parameter: Tensor,
    gradient: Tensor,
    first_moment: Tensor,
    second_moment: Tensor,
    step: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Update copies: ours saves memory and works in place, and a contract leaves its arguments alone."""
    new = parameter.clone(), first_moment.clone(), second_moment.clone()
    adamw_update(
        new[0], gradient, new[1], new[2], step,
        learning_rate=learning_rate, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay,
    )  # fmt: skip
    return new
