"""Which weights get which optimizer: matrices inside the blocks Muon, everything else AdamW at a rate of its own."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from llm_train.interface import Optimizer
from llm_train.optimizers.adamw import AdamW
from llm_train.optimizers.muon import Muon
from llm_train.settings import Optimizer as OptimizerSettings
from llm_train.workers import Workers


class Together:
    """Several optimizers, each with its own weights, as one; workers take a part each."""

    def __init__(self, parts: Mapping[str, Optimizer], workers: Workers | None = None) -> None:
        """Take the parts by name; the names keep their states apart."""
        self.parts = dict(parts)
        self.workers = workers or Workers()

    def step(self, gradients: Mapping[str, Tensor], share: float) -> None:
        """Let every part update its weights."""
        self.workers.map(lambda part: part.step(gradients, share), self.parts.values())

    def state(self) -> dict[str, Tensor]:
        """The states of all parts."""
        return {f"{name}.{key}": value for name, part in self.parts.items() for key, value in part.state().items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Give every part its state back."""
        for name, part in self.parts.items():
            start = f"{name}."
            part.load_state({key.removeprefix(start): value for key, value in state.items() if key.startswith(start)})


def build_optimizer(
    model: nn.Module,
    settings: OptimizerSettings,
    dtype: torch.dtype = torch.float32,
    workers: Workers | None = None,
) -> Together:
    """Sort a model's weights by what they are and give each sort its optimizer.

    | weights | rule | why |
    |---|---|---|
    | matrices of the blocks | Muon | all directions of a matrix should learn equally fast |
    | embedding table | AdamW, high rate | a row learns only when its token comes; rare tokens need long strides |
    | output head | AdamW | the same, but it gets a gradient from every token in every step |
    | norm gains, anything else | AdamW | single numbers have no directions |
    """
    weights = dict(model.named_parameters())
    hidden, rates, decay = {}, {}, {}
    for name, weight in weights.items():
        if "embedding" in name:
            rates[name] = settings.embedding_rate
        elif weight.ndim != 2:
            rates[name] = settings.gain_rate
        elif name.startswith("head"):
            rates[name] = settings.head_rate
        else:
            hidden[name] = weight
            if settings.hidden == "adamw":
                rates[name], decay[name] = settings.hidden_rate, settings.weight_decay
    workers = workers or Workers()
    parts: dict[str, Optimizer] = {}
    if settings.hidden == "muon":
        # Every worker gets as many matrices of each shape as the others.
        names = sorted(hidden, key=lambda name: (hidden[name].shape, name))
        for index in range(min(workers.count, len(names))):
            parts[f"muon-{index}"] = Muon(
                {name: hidden[name] for name in names[index :: workers.count]},
                settings.hidden_rate,
                momentum=settings.momentum,
                weight_decay=settings.weight_decay,
                dtype=dtype,
            )
    parts["adamw"] = AdamW(
        {name: weights[name] for name in rates},
        rates,
        beta1=settings.beta1,
        beta2=settings.beta2,
        eps=settings.epsilon,
        weight_decay=decay,
    )
    return Together(parts, workers)
