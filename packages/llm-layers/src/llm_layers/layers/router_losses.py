"""Losses of a router: what keeps all experts in use and the logits small."""

import torch
from jaxtyping import Float
from torch import Tensor

from llm_layers.layers.mixture_of_experts import top_k_router
from llm_layers.layers.precision import at_least_float32


def load_balancing_loss(logits: Float[Tensor, "*batch experts"], k: int) -> Float[Tensor, ""]:
    """Measure how unevenly the tokens are spread over the experts: k when perfectly even, up to the number of experts.

    Formula: loss = experts · Σ_e f[e] · P[e]  with f[e] = times that e was chosen / tokens, P[e] = mean of p[e]

    Why it works:
        An expert that is chosen more often learns more, gets better, and is chosen more often still: left alone, a
        few take everything. The loss multiplies how often an expert is chosen (f, a count, without a slope) with how
        likely it was (P, which has one), so an expert is pushed down in proportion to how overcrowded it is. With the
        factor `experts` the value does not depend on their number. It counts, as f does, all k choices of a token, so
        an even spread gives k.

    Args:
        logits: the router's logits of all tokens; stack the layers along any leading axis to balance them together.
        k: how many experts a token uses.

    Returns:
        One number; 0 when there is no token.

    Raises:
        LayersError: when k is not between 1 and the number of experts.

    Spec: layers.load_balancing_loss
    Source: Fedus et al. 2021, "Switch Transformers", arXiv:2101.03961, equations 4 to 6, with k choices for one.
    """
    working = at_least_float32(logits.dtype)
    experts = logits.shape[-1]
    probabilities = torch.softmax(logits, dim=-1, dtype=working).reshape(-1, experts)
    _, chosen = top_k_router(logits.detach(), k)
    tokens = max(len(probabilities), 1)
    frequency = torch.bincount(chosen.reshape(-1), minlength=experts).to(working) / tokens
    return experts * (frequency * probabilities.sum(dim=0) / tokens).sum()


def router_z_loss(logits: Float[Tensor, "*batch experts"]) -> Float[Tensor, ""]:
    """Compute the mean square of log Σ exp(logits): how far the router's logits have drifted from a normal size.

    Formula: loss = mean over tokens of (log Σ exp(logits))²

    Why it works:
        The softmax does not notice when all logits grow together, so nothing else holds them. Large logits make low
        precision coarse (in bfloat16 the numbers near 100 lie half a unit apart) and the choice of experts with it.
        The square pulls log Σ exp, the normalizer, back to 0 from either side; its gradient, 2 · log Σ exp · p, acts
        most on the experts that are likely anyway, and so hardly changes who is chosen.

    Args:
        logits: the router's logits of all tokens.

    Returns:
        One number; 0 when there is no token.

    Spec: layers.router_z_loss
    Source: Zoph et al. 2022, "ST-MoE: Designing Stable and Transferable Sparse Expert Models", arXiv:2202.08906.
    """
    working = logits.to(at_least_float32(logits.dtype))
    normalizer = working.logsumexp(dim=-1)
    return normalizer.square().sum() / max(normalizer.numel(), 1)
