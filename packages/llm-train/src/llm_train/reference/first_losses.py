"""A whole training of a small model in plain NumPy: forward, backward, clipping, schedule, AdamW.

The model is `llm_layers.reference.decoder`, whose backward pass is derived by hand, step by step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_layers.reference import cross_entropy, cross_entropy_backward, decoder, decoder_backward
from llm_train.reference.adamw import adamw
from llm_train.reference.clipping import clip_gradients
from llm_train.reference.schedule import warmup_cosine

Array = NDArray[Any]
IGNORED = -100


def first_losses(
    tokens: Array,
    targets: Array,
    settings: Mapping[str, Any],
    layout: Sequence[Sequence[Any]],
    weights: Array,
    learning_rate: float,
    warmup_steps: int,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    limit: float,
) -> tuple[Array, Array]:
    """Return the loss of each step, before its update, and the weights after the last one."""
    # Gains have one axis, and no decay.
    decay: Any = weight_decay * np.concatenate([np.full(int(np.prod(one)), len(one) == 2) for _, one in layout])
    first: Array = np.zeros(weights.shape)
    second: Array = np.zeros(weights.shape)
    losses = []
    for step in range(len(tokens)):
        logits = decoder(tokens[step], settings, layout, weights)
        losses.append(cross_entropy(logits, targets[step], IGNORED))
        dlogits = cross_entropy_backward(np.asarray(1.0), logits, targets[step], IGNORED)
        gradient = decoder_backward(dlogits, tokens[step], settings, layout, weights)
        clipped, _ = clip_gradients([gradient], limit)
        rate = warmup_cosine(step, learning_rate, 0.0, warmup_steps, len(tokens))
        weights, first, second = adamw(weights, clipped[0], first, second, step + 1, rate, beta1, beta2, eps, decay)
    return np.array(losses), weights
