"""Experts through torch's own kernels."""

from typing import Any

import torch
from torch.nn import functional as F


def top_k_router(logits: Any, k: int, norm_topk_prob: bool) -> Any:
    # By the logarithm: log p, sorted; log weights by a second log-softmax where they are normalized.
    ordered, places = torch.sort(F.log_softmax(logits, -1), dim=-1, descending=True, stable=True)
    chosen = ordered[..., :k]
    return (F.softmax(chosen, -1) if norm_topk_prob else chosen.exp()), places[..., :k]


def mixture_of_experts(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool) -> Any:
    # Every expert works on every token; a weight of zero hides the unchosen ones.
    chosen_weights, chosen = top_k_router(F.linear(x, router), k, norm_topk_prob)
    weights = torch.zeros(*x.shape[:-1], len(gate), dtype=x.dtype).scatter(-1, chosen, chosen_weights)
    hidden = F.silu(torch.einsum("...d,efd->...ef", x, gate)) * torch.einsum("...d,efd->...ef", x, up)
    return torch.einsum("...e,...ef,edf->...d", weights, hidden, down)


def mixture_with_shared_expert(
    x: Any, router: Any, gate: Any, up: Any, down: Any, shared_gate: Any, shared_up: Any, shared_down: Any, k: int,
    norm_topk_prob: bool,
) -> Any:  # fmt: skip
    shared = F.linear(F.silu(F.linear(x, shared_gate)) * F.linear(x, shared_up), shared_down)
    return shared + mixture_of_experts(x, router, gate, up, down, k, norm_topk_prob)


def load_balancing_loss(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    if not len(rows):
        return rows.sum()
    chosen = torch.sort(rows, dim=-1, descending=True, stable=True).indices[:, :k]
    counts = F.one_hot(chosen, rows.shape[-1]).to(rows.dtype).sum(1)
    return rows.shape[-1] * torch.dot(counts.mean(0), F.softmax(rows, -1).mean(0))


def router_z_loss(logits: Any) -> Any:
    if not logits.numel():
        return logits.sum()
    return torch.logsumexp(logits, -1).pow(2).mean()
