"""Mixture of experts and the losses of its router in NumPy: token by token, choice by choice."""

import numpy as np

from llm_layers.reference.arrays import Array, outer
from llm_layers.reference.attention import softmax, softmax_backward
from llm_layers.reference.feed_forward import swiglu, swiglu_backward


def top_k_router(logits: Array, k: int, norm_topk_prob: bool) -> tuple[Array, Array]:
    """Return the softmax weights of the k largest logits, the largest first, and their places."""
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("k experts are chosen of those that there are.")
    # A stable sort: of equal logits the one with the lower index comes first.
    chosen = np.argsort(-logits.real, axis=-1, kind="stable")[..., :k]
    weights = np.take_along_axis(softmax(logits, -1), chosen, axis=-1)
    if norm_topk_prob:
        weights = weights / np.sum(weights, axis=-1, keepdims=True)
    return weights, chosen


def top_k_router_backward(dweights: Array, dchosen: None, logits: Array, k: int, norm_topk_prob: bool) -> Array:
    """Gradient of the logits.

    The choice has no slope: a small change of the logits leaves it as it is. With p = softmax(logits), c the chosen
    places and S = Σ p[c]:

    - weights = p[c] / S:     dp[c] = (dweights - Σ dweights · weights) / S      the sum is in every weight
      (not normalized:        dp[c] = dweights)
    - p of the others:        dp = 0, for they are not used
    - p = softmax(logits):    dlogits from dp by the gradient of softmax, over all experts: the logits of the unchosen
                              are in the sum below every weight
    """
    weights, chosen = top_k_router(logits, k, norm_topk_prob)
    p = softmax(logits, -1)
    dp_chosen = dweights
    if norm_topk_prob:
        total = np.sum(np.take_along_axis(p, chosen, axis=-1), axis=-1, keepdims=True)
        dp_chosen = (dweights - np.sum(dweights * weights, axis=-1, keepdims=True)) / total
    dp = np.zeros_like(p)
    np.put_along_axis(dp, chosen, dp_chosen, axis=-1)
    return softmax_backward(dp, logits, -1)


def mixture_of_experts(
    x: Array, router: Array, gate: Array, up: Array, down: Array, k: int, norm_topk_prob: bool
) -> Array:
    """Compute y = Σ_j weights[j] · swiglu of expert chosen[j], one token and one choice after the other."""
    weights, chosen = top_k_router(x @ router.T, k, norm_topk_prob)
    y = np.zeros(x.shape, dtype=np.result_type(x, router, gate, up, down))
    for place in np.ndindex(chosen.shape):
        token, e = place[:-1], chosen[place]
        y[token] = y[token] + weights[place] * swiglu(x[token], gate[e], up[e], down[e])
    return y


def mixture_of_experts_backward(
    dy: Array, x: Array, router: Array, gate: Array, up: Array, down: Array, k: int, norm_topk_prob: bool
) -> tuple[Array, Array, Array, Array, Array]:
    """Gradients of x, router, gate, up and down.

    For one token with answers a[j] = swiglu_chosen[j](x) and y = Σ_j weights[j] · a[j]:

    - the weights:      dweights[j] = dy · a[j]             an answer that points where dy points earns its weight
    - the answers:      da[j] = weights[j] · dy              then through swiglu to x and to the weights of that expert;
                                                            tokens that chose the same expert add up there
    - the logits:       dlogits from dweights by the gradient of the router; logits = router x:
                        drouter = Σ dlogits xᵀ,  dx gets dlogits router besides what comes through the experts

    An expert that nobody chose keeps gradient zero.
    """
    logits = x @ router.T
    weights, chosen = top_k_router(logits, k, norm_topk_prob)
    dweights = np.zeros(weights.shape)
    dx, dgate, dup, ddown = (np.zeros(one.shape) for one in (x, gate, up, down))
    for place in np.ndindex(chosen.shape):
        token, e = place[:-1], chosen[place]
        dweights[place] = np.sum(dy[token] * swiglu(x[token], gate[e], up[e], down[e]))
        found = swiglu_backward(weights[place] * dy[token], x[token], gate[e], up[e], down[e])
        dx[token] += found[0]
        dgate[e] += found[1]
        dup[e] += found[2]
        ddown[e] += found[3]
    dlogits = top_k_router_backward(dweights, None, logits, k, norm_topk_prob)
    return dx + dlogits @ router, outer(dlogits, x), dgate, dup, ddown


def mixture_with_shared_expert(
    x: Array, router: Array, gate: Array, up: Array, down: Array, shared_gate: Array, shared_up: Array,
    shared_down: Array, k: int, norm_topk_prob: bool,
) -> Array:  # fmt: skip
    """Return the mixture of the chosen experts plus one expert that every token uses, with a weight of one."""
    mixture = mixture_of_experts(x, router, gate, up, down, k, norm_topk_prob)
    return mixture + swiglu(x, shared_gate, shared_up, shared_down)


def mixture_with_shared_expert_backward(
    dy: Array, x: Array, router: Array, gate: Array, up: Array, down: Array, shared_gate: Array, shared_up: Array,
    shared_down: Array, k: int, norm_topk_prob: bool,
) -> tuple[Array, Array, Array, Array, Array, Array, Array, Array]:  # fmt: skip
    """Gradients of x, router, gate, up, down, shared_gate, shared_up and shared_down.

    y is a sum, so both parts get dy as it is, and what they give back to x is added.
    """
    dx, *mixture = mixture_of_experts_backward(dy, x, router, gate, up, down, k, norm_topk_prob)
    dx_shared, *shared = swiglu_backward(dy, x, shared_gate, shared_up, shared_down)
    return dx + dx_shared, *mixture, *shared


def load_balancing_loss(logits: Array, k: int) -> Array:
    """Compute experts · Σ_e f[e] · P[e]: f counts the choices of e per token, P is its mean probability; or 0."""
    experts = logits.shape[-1]
    _, chosen = top_k_router(logits, k, norm_topk_prob=True)
    tokens = max(np.prod(logits.shape[:-1]), 1)
    frequency = np.bincount(chosen.ravel(), minlength=experts) / tokens
    # Σ_e f[e] P[e], the mean over the tokens taken last: f is the same for all of them.
    return np.asarray(experts * np.sum(frequency * softmax(logits, -1)) / tokens)


def load_balancing_loss_backward(dloss: Array, logits: Array, k: int) -> Array:
    """Gradient of the logits.

    The counts f are integers over the number of tokens T: a small change of the logits leaves them as they are.
    Only P = Σ p / T has a slope:

        dp[token, e] = dloss · experts · f[e] / T,  then through softmax

    In words: each expert is pushed down in proportion to how often it was chosen.
    """
    experts = logits.shape[-1]
    _, chosen = top_k_router(logits, k, norm_topk_prob=True)
    tokens = max(np.prod(logits.shape[:-1]), 1)
    frequency = np.bincount(chosen.ravel(), minlength=experts) / tokens
    return softmax_backward(np.broadcast_to(dloss * experts * frequency / tokens, logits.shape), logits, -1)


def log_sum_exp(logits: Array) -> Array:
    """Compute log Σ exp along the last axis, the largest logit taken out first."""
    largest = np.max(logits.real, axis=-1, keepdims=True)
    return np.log(np.sum(np.exp(logits - largest), axis=-1)) + largest[..., 0]


def router_z_loss(logits: Array) -> Array:
    """Return the mean over all tokens of (log Σ exp(logits))²; 0 without tokens."""
    z = log_sum_exp(logits)
    return np.asarray(np.sum(z * z) / max(z.size, 1))


def router_z_loss_backward(dloss: Array, logits: Array) -> Array:
    """Gradient of the logits.

    With z = log Σ exp(logits) for each of T tokens: ∂z/∂logits = softmax(logits), so

        dlogits = dloss · 2 z / T · softmax(logits)
    """
    z = log_sum_exp(logits)
    return dloss * 2 * z[..., None] / max(z.size, 1) * softmax(logits, -1)
