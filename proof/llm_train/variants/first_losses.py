"""A small training, written otherwise."""

from collections.abc import Callable
from math import cos, pi, prod
from typing import Any

import torch
from torch.nn import functional as F

from llm_layers.spec.slips.torch_decoder import TorchDecoder
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)


@VARIANTS.of("train.first_losses")("sums over counted targets, row by row, one row of all weights")
def row_by_row(
    tokens: Any, targets: Any, settings: Any, layout: Any, weights: Any, learning_rate: float, warmup_steps: int,
    beta1: float, beta2: float, eps: float, weight_decay: float, limit: float,
) -> tuple[Any, Any]:  # fmt: skip
    matrix = torch.cat([torch.full((prod(shape),), len(shape) == 2) for _, shape in layout])
    m, v, losses = torch.zeros_like(weights), torch.zeros_like(weights), []
    rate: Callable[[int], float] = lambda step: (  # noqa: E731
        (step + 1) / warmup_steps if step < warmup_steps
        else (1 + cos(pi * (step - warmup_steps) / (len(tokens) - warmup_steps))) / 2
    )  # fmt: skip
    for step in range(len(tokens)):
        weights = weights.detach().requires_grad_()
        decoder = TorchDecoder(settings, layout, weights)
        rows = zip(tokens[step], targets[step], strict=True)
        total = sum(
            F.cross_entropy(decoder.logits(row[None])[0], wanted, ignore_index=-100, reduction="sum")
            for row, wanted in rows
        )
        loss = total / (targets[step] != -100).sum()
        losses.append(loss.detach())
        (gradient,) = torch.autograd.grad(loss, weights)
        gradient = gradient * min(1.0, limit / float(gradient.norm()))
        m, v = beta1 * m + (1 - beta1) * gradient, beta2 * v + (1 - beta2) * gradient**2
        change = (m / (1 - beta1 ** (step + 1))) / ((v / (1 - beta2 ** (step + 1))).sqrt() + eps)
        weights = weights.detach()
        weights = weights - learning_rate * rate(step) * (change + weight_decay * matrix * weights)
    return torch.stack(losses), weights
