"""The contracts hand over weights; our functions take a router and a shared expert that are layers."""

from typing import Any

from torch import Tensor

import llm_layers
from llm_layers import load_balancing_loss, router_z_loss
from llm_layers.spec.ours.feed_forward import layer, swiglu

__all__ = [
    "load_balancing_loss", "mixture_of_experts", "mixture_with_shared_expert", "router_z_loss", "top_k_router",
]  # fmt: skip


def top_k_router(logits: Tensor, k: int, normalise: bool) -> tuple[Tensor, Tensor]:
    """Run `top_k_router`."""
    return llm_layers.top_k_router(logits, k, normalise)


def mixture_of_experts(
    x: Tensor, router: Tensor, gate: Tensor, up: Tensor, down: Tensor, k: int, normalise: bool
) -> Tensor:
    """Run `mixture_of_experts`."""
    return llm_layers.mixture_of_experts(x, layer(router), gate, up, down, k, normalise)


def mixture_with_shared_expert(
    x: Tensor, router: Tensor, gate: Tensor, up: Tensor, down: Tensor, shared_gate: Tensor, shared_up: Tensor,
    shared_down: Tensor, k: int, normalise: bool,
) -> Tensor:  # fmt: skip
    """Run `mixture_with_shared_expert`."""

    def shared(x: Any) -> Tensor:
        return swiglu(x, shared_gate, shared_up, shared_down)

    return llm_layers.mixture_with_shared_expert(x, layer(router), gate, up, down, shared, k, normalise)
