"""A small training by torch alone: its layers, autograd, optimizer, schedulers and clipping."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from llm_layers.spec.slips.torch_decoder import TorchDecoder
from proof.llm_train.witnesses.schedules import TorchWitness as Schedules


class TorchWitness:
    """torch.optim.AdamW with two groups, the decoder of llm-layers' slips, and no code of ours."""

    @staticmethod
    def first_losses(
        tokens: Tensor, targets: Tensor, settings: Mapping[str, Any], layout: Sequence[Sequence[Any]], weights: Tensor,
        learning_rate: float, warmup_steps: int, beta1: float, beta2: float, eps: float, weight_decay: float,
        limit: float,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        parts = torch.split(weights, [prod(shape) for _, shape in layout])
        leaves = [torch.nn.Parameter(part.reshape(shape).clone()) for part, (_, shape) in
                  zip(parts, layout, strict=True)]  # fmt: skip
        groups: list[dict[str, Any]] = [
            {"params": [leaf for leaf in leaves if leaf.ndim == 2], "weight_decay": weight_decay},
            {"params": [leaf for leaf in leaves if leaf.ndim < 2], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(beta1, beta2), eps=eps, foreach=False)
        losses = []
        for step in range(len(tokens)):
            for group in optimizer.param_groups:
                group["lr"] = Schedules.warmup_cosine(step, learning_rate, 0.0, warmup_steps, len(tokens))
            optimizer.zero_grad()
            row = torch.cat([leaf.reshape(-1) for leaf in leaves])
            logits = TorchDecoder(settings, layout, row).logits(tokens[step])
            loss = F.cross_entropy(logits.flatten(0, 1), targets[step].flatten(), ignore_index=-100)
            loss.backward()  # type: ignore[no-untyped-call]
            slopes = [leaf.grad for leaf in leaves if leaf.grad is not None]
            norm = torch.nn.utils.get_total_norm(slopes)
            for slope in slopes:
                slope.mul_(torch.clamp(limit / norm, max=1.0))
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses), torch.cat([leaf.detach().reshape(-1) for leaf in leaves])
