"""A training by our own trainer, on batches that are given."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from llm_layers import Decoder, read_settings
from llm_layers.formats.huggingface.registry import architecture_of
from llm_train.backends.threads import ThreadBackend
from llm_train.data.batch import Batch
from llm_train.objectives.next_token import next_token_loss
from llm_train.optimizers import AdamW
from llm_train.schedule import warmup_cosine
from llm_train.trainer import Trainer


def first_losses(
    tokens: Tensor,
    targets: Tensor,
    settings: Mapping[str, Any],
    layout: Sequence[Sequence[Any]],
    weights: Tensor,
    learning_rate: float,
    warmup_steps: int,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    limit: float,
) -> tuple[Tensor, Tensor]:
    """Return the loss of each step and the weights after the last one."""
    parts = torch.split(weights, [prod(shape) for _, shape in layout])
    public = {name: part.reshape(shape).clone() for (name, shape), part in zip(layout, parts, strict=True)}
    with torch.device("meta"):
        model = Decoder(read_settings(settings))
    own = architecture_of(model.config).from_public(public, dict(model.named_parameters()))
    model.load_state_dict(own, assign=True)
    parameters = dict(model.named_parameters())
    optimizer = AdamW(
        parameters, dict.fromkeys(parameters, learning_rate), beta1=beta1, beta2=beta2, eps=eps,
        weight_decay={name: weight_decay for name, one in parameters.items() if one.ndim == 2},
    )  # fmt: skip
    trainer = Trainer(
        ThreadBackend(model, next_token_loss, weights.dtype), optimizer,
        lambda number: Batch(tokens=tokens[number], targets=targets[number]),
        lambda step: warmup_cosine(step, 1.0, 0.0, warmup_steps, len(tokens)), clip=limit,
    )  # fmt: skip
    losses = [step.loss for step in trainer.run(0, len(tokens))]
    trained = architecture_of(model.config).to_public(dict(model.named_parameters()))
    return torch.tensor(losses, dtype=weights.dtype), torch.cat(
        [trained[name].detach().reshape(-1) for name, _ in layout]
    )
