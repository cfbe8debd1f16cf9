"""Mixture of experts: many feed-forward parts, of which each token uses a few."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers.interface import LayersError
from llm_layers.layers.feed_forward import swiglu


def top_k_router(
    logits: Float[Tensor, "*batch experts"], k: int, normalise: bool = True
) -> tuple[Float[Tensor, "*batch chosen"], Int[Tensor, "*batch chosen"]]:
    """Choose the k experts with the largest logits for each token, and say how much each of them counts.

    Formula: shares = p[chosen] / (normalise ? Σ p[chosen] : 1)  with p = softmax(logits), chosen = k largest of logits

    Why it works:
        A choice has no slope: nothing tells how the loss would change if another expert had been taken. The shares
        have one. Each chosen expert's output is multiplied by its share, so an expert that helped gets a larger share
        next time, and with the softmax over all experts its rise is the others' fall, the unchosen ones included.
        Divided by their sum the shares add up to one, and the output is as large with 2 experts as with 8.

    Args:
        logits: one score per expert for each token.
        k: how many experts a token uses, from 1 to the number of experts.
        normalise: whether the shares of the chosen experts are made to add up to one.

    Returns:
        The shares, in the dtype of `logits` (worked out in float32 at least), and the numbers of the experts, the
        largest share first. Of experts with equal logits the one with the lower number comes first.

    Raises:
        LayersError: when k is not between 1 and the number of experts.

    Spec: layers.top_k_router
    Source: Shazeer et al. 2017, "Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer",
        arXiv:1701.06538; Qwen3-MoE's softmax before the choice: Yang et al. 2025, arXiv:2505.09388.
    """
    experts = logits.shape[-1]
    if not 1 <= k <= experts:
        raise LayersError(f"k must lie between 1 and {experts}, the number of experts, but was {k}")
    # torch.topk leaves the order of equal logits open, and in bfloat16 equal logits are common: a stable sort does not.
    chosen = logits.detach().sort(dim=-1, descending=True, stable=True).indices[..., :k]
    working = torch.promote_types(logits.dtype, torch.float32)
    shares = torch.softmax(logits, dim=-1, dtype=working).gather(-1, chosen)
    if normalise:
        shares = shares / shares.sum(dim=-1, keepdim=True)
    return shares.to(logits.dtype), chosen


def apply_experts(
    x: Float[Tensor, "*batch d_model"],
    shares: Float[Tensor, "*batch chosen"],
    chosen: Int[Tensor, "*batch chosen"],
    gate: Float[Tensor, "experts d_expert d_model"],
    up: Float[Tensor, "experts d_expert d_model"],
    down: Float[Tensor, "experts d_model d_expert"],
) -> Float[Tensor, "*batch d_model"]:
    """Send each token through its chosen experts and add up what they say, each times its share.

    Formula: y = Σ_j shares[j] · swiglu(x, gate[chosen[j]], up[chosen[j]], down[chosen[j]])

    Why it works:
        Tokens that chose the same expert are laid side by side, so that each expert works on all of its tokens in one
        matrix product. An expert that nobody chose costs nothing. Sorting by expert and undoing that at the end is
        cheap beside the products.

    Args:
        x: vectors along the last axis.
        shares: how much each chosen expert counts.
        chosen: the numbers of the chosen experts.
        gate: the questions of all experts, see `swiglu`.
        up: the answers of all experts.
        down: back to the width of the stream.

    Spec: layers.mixture_of_experts
    Source: Gale et al. 2022, "MegaBlocks: Efficient Sparse Training with Mixture-of-Experts", arXiv:2211.15841.
    """
    k, width = chosen.shape[-1], x.shape[-1]
    by_token = chosen.reshape(-1)  # token 0's choices, token 1's choices, …
    by_expert = by_token.argsort(stable=True)
    counts = torch.bincount(by_token, minlength=len(gate)).tolist()
    grouped = x.reshape(-1, width).index_select(0, by_expert // k).split(counts)  # type: ignore[no-untyped-call]
    # unbind and not gate[e]: the gradient of each gate[e] would be an array of the size of all experts.
    weights = zip(gate.unbind(), up.unbind(), down.unbind(), strict=True)
    parts = [swiglu(part, *weight) for part, weight in zip(grouped, weights, strict=True) if len(part)]
    worked = torch.cat([x.new_empty(0, width), *parts])  # the first is for a batch without tokens
    back = torch.empty_like(by_expert).scatter_(0, by_expert, torch.arange(len(by_expert), device=x.device))
    answers = worked.index_select(0, back).reshape(*chosen.shape, width)
    return (shares[..., None] * answers).sum(dim=-2)


def mixture_of_experts(
    x: Float[Tensor, "*batch d_model"],
    router: Float[Tensor, "experts d_model"],
    gate: Float[Tensor, "experts d_expert d_model"],
    up: Float[Tensor, "experts d_expert d_model"],
    down: Float[Tensor, "experts d_model d_expert"],
    k: int,
    normalise: bool = True,
) -> Float[Tensor, "*batch d_model"]:
    """Let a router choose k of many SwiGLU experts for each token, and mix their answers.

    Formula: y = Σ_j shares[j] · swiglu(x; chosen[j])  with shares, chosen = top_k_router(router x, k)

    Why it works:
        What a model knows lives in its weights; what a token costs is the weights that it touches. Experts part the
        two: with 128 experts of which 8 are used, the layer holds sixteen times what a token pays for. The router is
        one matrix, learned with everything else: its rows are directions in the stream, and a token goes to the
        experts whose directions it points to most.

    Args:
        x: vectors along the last axis.
        router: one direction per expert.
        gate: the questions of all experts, see `swiglu`.
        up: the answers of all experts.
        down: back to the width of the stream.
        k: how many experts a token uses.
        normalise: whether the shares of the chosen experts are made to add up to one.

    Raises:
        LayersError: when k is not between 1 and the number of experts.

    Spec: layers.mixture_of_experts
    Source: Shazeer et al. 2017, arXiv:1701.06538; Fedus et al. 2021, "Switch Transformers", arXiv:2101.03961.
    """
    shares, chosen = top_k_router(F.linear(x, router), k, normalise)
    return apply_experts(x, shares, chosen, gate, up, down)


def mixture_with_shared_expert(
    x: Float[Tensor, "*batch d_model"],
    router: Float[Tensor, "experts d_model"],
    gate: Float[Tensor, "experts d_expert d_model"],
    up: Float[Tensor, "experts d_expert d_model"],
    down: Float[Tensor, "experts d_model d_expert"],
    shared_gate: Float[Tensor, "d_ff d_model"],
    shared_up: Float[Tensor, "d_ff d_model"],
    shared_down: Float[Tensor, "d_model d_ff"],
    k: int,
    normalise: bool = True,
) -> Float[Tensor, "*batch d_model"]:
    """Add one expert that every token uses to the mixture of chosen ones.

    Formula: y = mixture_of_experts(x) + swiglu(x, shared_gate, shared_up, shared_down)

    Why it works:
        Some of the work is the same for every token, common grammar above all. Without a shared expert each chosen
        expert must learn it again. With one, the common part is learned once, from all tokens, and the chosen experts
        are free to differ. It stands outside the choice: no share scales it and it takes no place among the k.

    Args:
        x: vectors along the last axis.
        router: one direction per expert; the shared one has none.
        gate: the questions of all experts to choose from, see `swiglu`.
        up: their answers.
        down: back to the width of the stream.
        shared_gate: the questions of the shared expert, which may be of another width.
        shared_up: its answers.
        shared_down: back to the width of the stream.
        k: how many experts a token uses besides the shared one.
        normalise: whether the shares of the chosen experts are made to add up to one.

    Spec: layers.mixture_with_shared_expert
    Source: Dai et al. 2024, "DeepSeekMoE: Towards Ultimate Expert Specialization", arXiv:2401.06066.
    """
    chosen = mixture_of_experts(x, router, gate, up, down, k, normalise)
    return chosen + swiglu(x, shared_gate, shared_up, shared_down)


class MixtureOfExperts(nn.Module):
    """Holds the weights of `mixture_of_experts`.

    A forward hook on `.router` sees the logits, for `load_balancing_loss` and `router_z_loss`.

    Args:
        d_model: width of the stream.
        d_expert: width inside each expert.
        experts: how many there are.
        per_token: how many of them each token uses.
        normalise: whether the shares of the chosen experts are made to add up to one.
    """

    def __init__(self, d_model: int, d_expert: int, experts: int, per_token: int, *, normalise: bool = True) -> None:
        super().__init__()
        if not 1 <= per_token <= experts:
            raise LayersError(f"per_token must lie between 1 and {experts}, the number of experts, but was {per_token}")
        self.per_token, self.normalise = per_token, normalise
        self.router = nn.Linear(d_model, experts, bias=False)
        self.gate = nn.Parameter(torch.empty(experts, d_expert, d_model))
        self.up = nn.Parameter(torch.empty(experts, d_expert, d_model))
        self.down = nn.Parameter(torch.empty(experts, d_model, d_expert))

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        shares, chosen = top_k_router(self.router(x), self.per_token, self.normalise)
        return apply_experts(x, shares, chosen, self.gate, self.up, self.down)
