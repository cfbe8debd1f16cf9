"""Our own mixture of experts and the losses of its router."""

from llm_layers import (
    load_balancing_loss,
    mixture_of_experts,
    mixture_with_shared_expert,
    router_z_loss,
    top_k_router,
)

__all__ = [
    "load_balancing_loss",
    "mixture_of_experts",
    "mixture_with_shared_expert",
    "router_z_loss",
    "top_k_router",
]
