"""Parameter groups: which optimizer, learning rate and weight decay each kind of weight has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llm_train.backends.threads import Workers
from llm_train.interface import Optimizer
from llm_train.optimizers.adamw import AdamW
from llm_train.optimizers.muon import Muon
from llm_train.optimizers.sgd import SGD
from llm_train.recipes.settings import OptimizerSettings


@dataclass(frozen=True)
class Group:
    """How all weights of one kind are updated."""

    optimizer: str
    learning_rate: float
    weight_decay: float = 0.0


def kind_of_weight(name: str, axes: int) -> str:
    """Return the kind of a weight by its name in the model and its number of axes.

    | kind | weights | how they learn |
    |---|---|---|
    | embedding | tables of tokens and positions | a row learns only when it is looked up, so it needs long steps |
    | head | the output matrix | the same rows, but each has a gradient from every target of every step |
    | vector | gains and biases | no directions to equalize, and no decay: a gain is meant to be near 1, not near 0 |
    | matrix | all other matrices, also stacked | all directions should learn equally fast; decay keeps them small |

    The names are ours (`embedding.table`) and those of Hugging Face models (`model.embed_tokens.weight`).
    """
    module = name.split(".")[-2:][0]
    if name.endswith(".table") or "embed" in module or module in ("wte", "wpe"):
        return "embedding"
    if axes < 2:
        return "vector"
    return "head" if module in ("head", "lm_head") else "matrix"


def groups_of(settings: OptimizerSettings) -> dict[str, Group]:
    """Return the group of each kind of weight, as a recipe sets it."""
    other = settings.other_optimizer
    return {
        "matrix": Group(settings.matrix_optimizer, settings.matrix_lr, settings.weight_decay),
        "embedding": Group(other, settings.embedding_lr, settings.embedding_decay),
        "head": Group(other, settings.head_lr, settings.head_decay),
        "vector": Group(other, settings.norm_lr),
    }


class CombinedOptimizer:
    """Several optimizers, each with its own weights, as one; they can run in several threads.

    Those of one name share out the weights of one kind among the threads. Their states are one, so that a training goes
    on with another number of threads.
    """

    def __init__(self, parts: Mapping[str, Sequence[Optimizer]], workers: Workers | None = None) -> None:
        """Take the optimizers by name; the names keep their states apart."""
        self.parts = {name: list(some) for name, some in parts.items()}
        self.workers = workers or Workers()

    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float) -> None:
        """Let every optimizer update its weights."""
        every = [part for some in self.parts.values() for part in some]
        self.workers.map(lambda part: part.step(gradients, lr_multiplier), every)

    def state(self) -> dict[str, Tensor]:
        """Return the states of all optimizers."""
        every = [(name, part) for name, some in self.parts.items() for part in some]
        return {f"{name}.{key}": value for name, part in every for key, value in part.state().items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state of every optimizer."""
        for name, some in self.parts.items():
            start = f"{name}."
            own = {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}
            for part in some:
                part.load_state(own)


def build_optimizer(
    model: nn.Module, settings: OptimizerSettings, dtype: torch.dtype = torch.float32, workers: Workers | None = None
) -> CombinedOptimizer:
    """Make an optimizer for each group of a model's weights (`kind_of_weight`).

    Args:
        model: Whose weights are updated.
        settings: Of the groups.
        dtype: Of Muon's products. float16 has too few exponents for their squares: it is taken for float32.
        workers: Threads that share the optimizers.
    """
    weights, groups = dict(model.named_parameters()), groups_of(settings)
    group_of = {name: groups[kind_of_weight(name, weight.ndim)] for name, weight in weights.items()}
    workers = workers or Workers()
    parts: dict[str, list[Optimizer]] = {}
    for kind in sorted({group.optimizer for group in group_of.values()}, reverse=True):  # Muon first: it takes longest
        own = {name: weights[name] for name in weights if group_of[name].optimizer == kind}
        rates = {name: group_of[name].learning_rate for name in own}
        decay = {name: group_of[name].weight_decay for name in own}
        if kind == "muon":
            parts[kind] = _muons(own, settings, torch.float32 if dtype == torch.float16 else dtype, workers.count)
        elif kind == "sgd":
            parts[kind] = [SGD(own, rates, momentum=settings.momentum, weight_decay=decay)]
        else:
            betas = {"beta1": settings.beta1, "beta2": settings.beta2, "eps": settings.eps}
            parts[kind] = [AdamW(own, rates, weight_decay=decay, **betas)]
    return CombinedOptimizer(parts, workers)


def _muons(
    matrices: Mapping[str, Tensor], settings: OptimizerSettings, dtype: torch.dtype, count: int
) -> list[Optimizer]:
    """Return a Muon for each worker, which share the matrices evenly."""
    # Sorted by shape, so that every worker gets about as many matrices of each shape as the others.
    names = sorted(matrices, key=lambda name: (matrices[name].shape, name))
    return [
        Muon(
            {name: matrices[name] for name in names[index::count]}, settings.matrix_lr,
            momentum=settings.momentum, weight_decay=settings.weight_decay, dtype=dtype,
        )
        for index in range(min(count, len(names)))
    ]  # fmt: skip
