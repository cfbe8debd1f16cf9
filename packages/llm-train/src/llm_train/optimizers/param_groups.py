"""Parameter groups: Muon for the matrices of the blocks, AdamW with learning rates of their own for the rest."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from llm_train.backends.threads import Workers
from llm_train.interface import Optimizer
from llm_train.optimizers.adamw import AdamW
from llm_train.optimizers.muon import Muon
from llm_train.recipes.settings import OptimizerSettings


class CombinedOptimizer:
    """Several optimizers, each with its own weights, as one; they can run in several threads."""

    def __init__(self, parts: Mapping[str, Optimizer], workers: Workers | None = None) -> None:
        """Take the optimizers by name; the names keep their states apart.

        Of a name like "muon-1" only "muon" counts there: how many share the work must not show in a checkpoint.
        """
        self.parts = dict(parts)
        self.workers = workers or Workers()

    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float) -> None:
        """Let every optimizer update its weights."""
        self.workers.map(lambda part: part.step(gradients, lr_multiplier), self.parts.values())

    def state(self) -> dict[str, Tensor]:
        """Return the states of all optimizers."""
        return {
            f"{_kind(name)}.{key}": value for name, part in self.parts.items() for key, value in part.state().items()
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state of every optimizer."""
        for name, part in self.parts.items():
            start = f"{_kind(name)}."
            part.load_state({key.removeprefix(start): value for key, value in state.items() if key.startswith(start)})


def _kind(name: str) -> str:
    return name.partition("-")[0]


def build_optimizer(
    model: nn.Module, settings: OptimizerSettings, dtype: torch.dtype = torch.float32, workers: Workers | None = None
) -> CombinedOptimizer:
    """Group a model's weights by their kind and make an optimizer for each group.

    | weights | optimizer | why |
    |---|---|---|
    | matrices of the blocks | Muon | all directions of a matrix should learn equally fast |
    | embedding table | AdamW, high learning rate | a row learns only when its token occurs, so it needs long steps |
    | output head | AdamW | the same, but it has a gradient from every token in every step |
    | norm gains, anything else | AdamW | vectors have no directions to equalize |
    """
    weights = dict(model.named_parameters())
    matrices, rates, decay = {}, {}, {}
    for name, weight in weights.items():
        if "embedding" in name:
            rates[name] = settings.embedding_lr
        elif weight.ndim != 2:
            rates[name] = settings.norm_lr
        elif name.startswith("head"):
            rates[name] = settings.head_lr
        else:
            matrices[name] = weight
            if settings.matrix_optimizer == "adamw":
                rates[name], decay[name] = settings.matrix_lr, settings.weight_decay
    workers = workers or Workers()
    parts: dict[str, Optimizer] = {}
    if settings.matrix_optimizer == "muon":
        # Sorted by shape, so that every worker gets about as many matrices of each shape as the others.
        names = sorted(matrices, key=lambda name: (matrices[name].shape, name))
        for index in range(min(workers.count, len(names))):
            parts[f"muon-{index}"] = Muon(
                {name: matrices[name] for name in names[index :: workers.count]},
                settings.matrix_lr,
                momentum=settings.momentum,
                weight_decay=settings.weight_decay,
                dtype=dtype,
            )
    parts["adamw"] = AdamW(
        {name: weights[name] for name in rates},
        rates,
        beta1=settings.beta1,
        beta2=settings.beta2,
        eps=settings.eps,
        weight_decay=decay,
    )
    return CombinedOptimizer(parts, workers)
