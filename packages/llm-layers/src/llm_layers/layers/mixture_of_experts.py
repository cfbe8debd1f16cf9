"""Mixture of experts: many feed-forward parts, of which each token uses a few."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from llm_layers.interface import LayersError
from llm_layers.layers.feed_forward import FeedForwardKernel, swiglu
from llm_layers.layers.linear import Linear, LinearKernel, LinearMap, linear
from llm_layers.layers.precision import at_least_float32


def top_k_router(
    logits: Float[Tensor, "*batch experts"], k: int, norm_topk_prob: bool = True
) -> tuple[Float[Tensor, "*batch chosen"], Int[Tensor, "*batch chosen"]]:
    """Choose the k experts with the largest logits for each token, and weigh them.

    Formula: weights = p[chosen] / (norm_topk_prob ? Σ p[chosen] : 1)
        with p = softmax(logits), chosen = the k largest of logits

    Why it works:
        A choice has no slope: nothing tells how the loss would change if another expert had been taken. The
        routing weights have one. Each chosen expert's output is multiplied by its weight, so an expert that helped
        gets a larger weight next time, and with the softmax over all experts its rise is the others' fall, the
        unchosen ones included. Divided by their sum the weights add up to one, and the output is as large with 2
        experts as with 8.

    Args:
        logits: one score per expert for each token.
        k: how many experts a token uses, from 1 to the number of experts.
        norm_topk_prob: whether the routing weights of the chosen experts are renormalized to add up to one.

    Returns:
        The routing weights, in the dtype of `logits` (computed in float32 at least), and the expert indices, the
        largest weight first. Of experts with equal logits the one with the lower index comes first.

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
    working = at_least_float32(logits.dtype)
    weights = torch.softmax(logits, dim=-1, dtype=working).gather(-1, chosen)
    if norm_topk_prob:
        weights = weights / weights.sum(dim=-1, keepdim=True)
    return weights.to(logits.dtype), chosen


def apply_experts(
    x: Float[Tensor, "*batch d_model"],
    weights: Float[Tensor, "*batch chosen"],
    chosen: Int[Tensor, "*batch chosen"],
    gate: Float[Tensor, "experts d_expert d_model"],
    up: Float[Tensor, "experts d_expert d_model"],
    down: Float[Tensor, "experts d_model d_expert"],
    kernel: LinearKernel = linear,
    function: FeedForwardKernel = swiglu,
) -> Float[Tensor, "*batch d_model"]:
    """Send each token through its chosen experts and add up their outputs, each times its routing weight.

    Formula: y = Σ_j weights[j] · swiglu(x, gate[chosen[j]], up[chosen[j]], down[chosen[j]])

    Why it works:
        Tokens that chose the same expert are laid side by side, so that each expert works on all of its tokens in one
        matrix product. An expert that nobody chose costs nothing. Sorting by expert and undoing that at the end is
        cheap beside the products.

    Args:
        x: vectors along the last axis.
        weights: the routing weight of each chosen expert.
        chosen: the indices of the chosen experts.
        gate: the gate weights of all experts, see `swiglu`.
        up: the up weights of all experts.
        down: the down weights of all experts.
        kernel: what computes the linear layers of each expert.
        function: what computes each expert from them.

    Spec: layers.mixture_of_experts
    Source: Gale et al. 2022, "MegaBlocks: Efficient Sparse Training with Mixture-of-Experts", arXiv:2211.15841.
    """
    k, width = chosen.shape[-1], x.shape[-1]
    by_token = chosen.reshape(-1)  # token 0's choices, token 1's choices, …
    by_expert = by_token.argsort(stable=True)
    counts = torch.bincount(by_token, minlength=len(gate)).tolist()
    grouped = x.reshape(-1, width).index_select(0, by_expert // k).split(counts)  # type: ignore[no-untyped-call]
    # unbind and not gate[e]: the gradient of each gate[e] would be an array of the size of all experts.
    experts = zip(grouped, gate.unbind(), up.unbind(), down.unbind(), strict=True)

    def layer(weight: Tensor) -> LinearMap:
        return lambda x: kernel(x, weight, None)

    parts = [function(part, *map(layer, expert)) for part, *expert in experts if len(part)]
    outputs = torch.cat([x.new_empty(0, width), *parts])  # the first is for a batch without tokens
    back = torch.empty_like(by_expert).scatter_(0, by_expert, torch.arange(len(by_expert), device=x.device))
    by_choice = outputs.index_select(0, back).reshape(*chosen.shape, width)
    return (weights[..., None] * by_choice).sum(dim=-2)


def mixture_of_experts(
    x: Float[Tensor, "*batch d_model"],
    router: LinearMap,
    gate: Float[Tensor, "experts d_expert d_model"],
    up: Float[Tensor, "experts d_expert d_model"],
    down: Float[Tensor, "experts d_model d_expert"],
    k: int,
    norm_topk_prob: bool = True,
    kernel: LinearKernel = linear,
    function: FeedForwardKernel = swiglu,
) -> Float[Tensor, "*batch d_model"]:
    """Let a router choose k of many SwiGLU experts for each token, and mix their outputs.

    Formula: y = Σ_j weights[j] · swiglu(x; chosen[j])  with weights, chosen = top_k_router(router(x), k)

    Why it works:
        What a model knows is in its weights; what a token costs is the weights that it uses. Experts separate the
        two: with 128 experts of which 8 are used, the layer holds sixteen times what a token pays for. The router is
        one matrix, learned with everything else: its rows are directions in the stream, and a token goes to the
        experts whose directions it points to most.

    Args:
        x: vectors along the last axis.
        router: a linear layer from d_model to the experts, one direction per expert.
        gate: the gate weights of all experts, see `swiglu`.
        up: the up weights of all experts.
        down: the down weights of all experts.
        k: how many experts a token uses.
        norm_topk_prob: whether the routing weights of the chosen experts are renormalized to add up to one.
        kernel: what computes the linear layers of each expert.
        function: what computes each expert from them.

    Raises:
        LayersError: when k is not between 1 and the number of experts.

    Spec: layers.mixture_of_experts
    Source: Shazeer et al. 2017, arXiv:1701.06538; Fedus et al. 2021, "Switch Transformers", arXiv:2101.03961.
    """
    weights, chosen = top_k_router(router(x), k, norm_topk_prob)
    return apply_experts(x, weights, chosen, gate, up, down, kernel, function)


def mixture_with_shared_expert(
    x: Float[Tensor, "*batch d_model"],
    router: LinearMap,
    gate: Float[Tensor, "experts d_expert d_model"],
    up: Float[Tensor, "experts d_expert d_model"],
    down: Float[Tensor, "experts d_model d_expert"],
    shared: LinearMap,
    k: int,
    norm_topk_prob: bool = True,
) -> Float[Tensor, "*batch d_model"]:
    """Add one expert that every token uses to the mixture of chosen ones.

    Formula: y = mixture_of_experts(x) + shared(x)

    Why it works:
        Some of the work is the same for every token, common grammar above all. Without a shared expert each chosen
        expert must learn it again. With one, the common part is learned once, from all tokens, and the chosen experts
        are free to differ. It is outside the choice: no weight scales it and it takes no place among the k.

    Args:
        x: vectors along the last axis.
        router: a linear layer from d_model to the experts; the shared one has no direction in it.
        gate: the gate weights of all experts to choose from, see `swiglu`.
        up: their up weights.
        down: their down weights.
        shared: the shared expert, a `SwiGLU` of any width.
        k: how many experts a token uses besides the shared one.
        norm_topk_prob: whether the routing weights of the chosen experts are renormalized to add up to one.

    Spec: layers.mixture_with_shared_expert
    Source: Dai et al. 2024, "DeepSeekMoE: Towards Ultimate Expert Specialization", arXiv:2401.06066.
    """
    return mixture_of_experts(x, router, gate, up, down, k, norm_topk_prob) + shared(x)


class MixtureOfExperts(nn.Module):
    """Holds the weights of `mixture_of_experts`.

    A forward hook on `.router` sees the logits, for `load_balancing_loss` and `router_z_loss`.

    Args:
        d_model: width of the stream.
        d_expert: width inside each expert.
        experts: how many there are.
        per_token: how many of them each token uses.
        norm_topk_prob: whether the routing weights of the chosen experts are renormalized to add up to one.
        kernel: what computes the router and the linear layers of each expert.
        function: what computes each expert from them.
    """

    def __init__(
        self, d_model: int, d_expert: int, experts: int, per_token: int, *, norm_topk_prob: bool = True,
        kernel: LinearKernel = linear, function: FeedForwardKernel = swiglu,
    ) -> None:  # fmt: skip
        super().__init__()
        if not 1 <= per_token <= experts:
            raise LayersError(f"per_token must lie between 1 and {experts}, the number of experts, but was {per_token}")
        self.per_token, self.norm_topk_prob, self.kernel, self.function = per_token, norm_topk_prob, kernel, function
        self.router = Linear(d_model, experts, kernel=kernel)
        self.gate = nn.Parameter(torch.empty(experts, d_expert, d_model))
        self.up = nn.Parameter(torch.empty(experts, d_expert, d_model))
        self.down = nn.Parameter(torch.empty(experts, d_model, d_expert))

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        return mixture_of_experts(
            x, self.router, self.gate, self.up, self.down, self.per_token, self.norm_topk_prob, self.kernel,
            self.function,
        )  # fmt: skip
