"""Mistakes with a mixture of experts and with the losses of its router."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference.arrays import outer
from llm_layers.reference.attention import softmax, softmax_backward
from llm_layers.reference.feed_forward import swiglu as reference_swiglu
from llm_layers.reference.feed_forward import swiglu_backward as reference_swiglu_backward
from llm_layers.reference.mixture_of_experts import log_sum_exp
from llm_layers.reference.mixture_of_experts import top_k_router as reference_router
from llm_layers.reference.mixture_of_experts import top_k_router_backward as reference_router_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.top_k_router")


def _chosen(logits: Any, k: int) -> Any:
    return logits.detach().sort(dim=-1, descending=True, stable=True).indices[..., :k]


def _router(
    *,
    choose: Callable[[Any, int], Any] = _chosen,
    weigh: Callable[[Any], Any] = lambda logits: torch.softmax(logits, -1),
    total: Callable[[Any], Any] = lambda weights: weights.sum(-1, keepdim=True),
) -> Callable[[Any, int, bool], Any]:
    """Return the router of which one step is replaced: which experts, how much each counts, and the sum."""

    def top_k_router(logits: Any, k: int, norm_topk_prob: bool) -> Any:
        chosen = choose(logits, k)
        weights = weigh(logits).gather(-1, chosen)
        return (weights / total(weights) if norm_topk_prob else weights), chosen

    return top_k_router


_route = _router()


def _expert(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def _answers(x: Any, chosen: Any, gate: Any, up: Any, down: Any) -> Any:
    hidden = F.silu(torch.einsum("...d,...kfd->...kf", x, gate[chosen]))
    hidden = hidden * torch.einsum("...d,...kfd->...kf", x, up[chosen])
    return torch.einsum("...kf,...kdf->...kd", hidden, down[chosen])


def _mix(
    x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool, *, seen: Any = None
) -> Any:  # fmt: skip
    """Mix the answers; the router sees `seen` instead of x."""
    weights, chosen = _route((x if seen is None else seen) @ router.T, k, norm_topk_prob)
    return (weights[..., None] * _answers(x, chosen, gate, up, down)).sum(-2)


slip("never normalised", "norm_topk_prob is ignored: the weights are left as they are")(
    lambda logits, k, norm_topk_prob: _route(logits, k, False)
)
slip("softmax after the choice", "the softmax runs over the chosen logits only")(
    lambda logits, k, norm_topk_prob: (torch.softmax(logits.gather(-1, _chosen(logits, k)), -1), _chosen(logits, k))
)
slip("normalized the wrong way round", "normalized where it must not be, and the reverse")(
    lambda logits, k, norm_topk_prob: _route(logits, k, not norm_topk_prob)
)
slip("one expert too few", "k - 1 experts are returned")(
    lambda logits, k, norm_topk_prob: _route(logits, k - 1, norm_topk_prob)
)
slip("the least likely", "the k smallest logits are chosen")(_router(choose=lambda logits, k: _chosen(-logits, k)))
slip("ties to the last", "of equal logits the expert with the higher index comes first")(
    _router(choose=lambda logits, k: logits.shape[-1] - 1 - _chosen(logits.flip(-1), k))
)
slip("in the order of their numbers", "the chosen experts are sorted by index, not by weight")(
    _router(choose=lambda logits, k: _chosen(logits, k).sort(-1).values)
)
slip("logits as shares", "the logits themselves are divided by their sum: no softmax")(
    _router(weigh=lambda logits: logits)
)
slip("sigmoid for softmax", "each expert has a sigmoid of its own, as in DeepSeek-V3")(_router(weigh=torch.sigmoid))
slip("shares without a slope", "the weights are detached: the router never learns")(
    _router(weigh=lambda logits: torch.softmax(logits, -1).detach() + 0 * logits)
)
slip("sum held constant", "the gradient does not run through the sum of the chosen weights")(
    _router(total=lambda weights: weights.sum(-1, keepdim=True).detach())
)
slip("largest logit left in", "exp is taken of the logits as they are: it overflows")(
    _router(weigh=lambda logits: logits.exp() / logits.exp().sum(-1, keepdim=True))
)


@slip("unchosen experts left alone", "the unchosen logits get no gradient", backward=True)
def unchosen_alone(dshares: Any, dchosen: Any, logits: Any, k: int, norm_topk_prob: bool) -> Any:
    dlogits = reference_router_backward(dshares, None, logits, k, norm_topk_prob)
    kept = np.zeros_like(dlogits)
    np.put_along_axis(kept, reference_router(logits, k, norm_topk_prob)[1], 1.0, axis=-1)
    return dlogits * kept


@slip("softmax without the average", "p · dp without taking Σ p · dp away", backward=True)
def without_average(dshares: Any, dchosen: Any, logits: Any, k: int, norm_topk_prob: bool) -> Any:
    dp = np.zeros_like(logits)
    np.put_along_axis(dp, reference_router(logits, k, norm_topk_prob)[1], dshares, axis=-1)
    return softmax(logits, -1) * dp


slip = SLIPS.of("layers.mixture_of_experts")
slip("never normalised", "norm_topk_prob is ignored: the weights are left as they are")(
    lambda x, router, gate, up, down, k, norm_topk_prob: _mix(x, router, gate, up, down, k, False)
)
slip("always normalised", "the weights sum to one whatever was asked for")(
    lambda x, router, gate, up, down, k, norm_topk_prob: _mix(x, router, gate, up, down, k, True)
)
slip("shares left out", "the answers are added up without their weights")(
    lambda x, router, gate, up, down, k, norm_topk_prob: (
        _answers(x, _chosen(x @ router.T, k), gate, up, down).sum(-2) + 0 * router.sum()
    )
)
slip("plain average", "the answers are averaged without their weights")(
    lambda x, router, gate, up, down, k, norm_topk_prob: (
        _answers(x, _chosen(x @ router.T, k), gate, up, down).mean(-2) + 0 * router.sum()
    )
)
slip("all experts", "every expert answers, k is ignored")(
    lambda x, router, gate, up, down, k, norm_topk_prob: _mix(x, router, gate, up, down, len(gate), norm_topk_prob)
)
slip("shares without a slope", "the weights are detached: the router never learns")(
    lambda x, router, *rest: _mix(x, router.detach(), *rest) + 0 * router.sum()
)
slip("x detached at the router", "no gradient comes to x through the router")(
    lambda x, *rest: _mix(x, *rest, seen=x.detach())
)
slip("x added", "the residual stream is added: that is the block's work")(lambda x, *rest: x + _mix(x, *rest))


@slip("shares on the way in", "x is multiplied by the weight, not the expert's answer")
def shares_first(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool) -> Any:
    shares, chosen = _route(x @ router.T, k, norm_topk_prob)
    given = shares[..., None] * x[..., None, :]
    hidden = F.silu(torch.einsum("...kd,...kfd->...kf", given, gate[chosen]))
    hidden = hidden * torch.einsum("...kd,...kfd->...kf", given, up[chosen])
    return torch.einsum("...kf,...kdf->...d", hidden, down[chosen])


@slip("answers in the experts' order", "the sorting by expert is not undone at the end")
def not_undone(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool) -> Any:
    rows = x.reshape(-1, x.shape[-1])
    shares, chosen = _route(rows @ router.T, k, norm_topk_prob)
    answers = _answers(rows, chosen, gate, up, down).reshape(-1, x.shape[-1])
    answers = answers[chosen.reshape(-1).argsort(stable=True)].reshape(*chosen.shape, x.shape[-1])
    return (shares[..., None] * answers).sum(-2).reshape(x.shape)


def _mixture_backward(
    dy: Any, x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool, *, add: bool, share: bool
) -> Any:
    """The right gradient with one of two mistakes: `add` and `share` both True would be right."""
    logits = x @ router.T
    shares, chosen = reference_router(logits, k, norm_topk_prob)
    dshares = np.zeros(shares.shape)
    dx, *weights = (np.zeros(one.shape) for one in (x, gate, up, down))
    for place in np.ndindex(chosen.shape):
        token, e = place[:-1], chosen[place]
        own = (gate[e], up[e], down[e])
        dshares[place] = np.sum(dy[token] * reference_swiglu(x[token], *own))
        found = reference_swiglu_backward(shares[place] * dy[token], x[token], *own)
        dx[token] += found[0]
        for whole, one in zip(weights, found[1:], strict=True):
            one = one if share else one / shares[place]
            whole[e] = whole[e] + one if add else one
    dlogits = reference_router_backward(dshares, None, logits, k, norm_topk_prob)
    return dx + dlogits @ router, outer(dlogits, x), *weights


slip("the last token wins", "an expert keeps its last token's gradient", backward=True)(
    partial(_mixture_backward, add=False, share=True)
)
slip("weights without shares", "the weights' gradients lack the weight", backward=True)(
    partial(_mixture_backward, add=True, share=False)
)


slip = SLIPS.of("layers.mixture_with_shared_expert")


def _shared(join: Callable[..., Any]) -> Callable[..., Any]:
    """Return a mixture that joins x, the shared answer and the mixture `mix(x, k)` in another way."""

    def mixture(
        x: Any, router: Any, gate: Any, up: Any, down: Any, shared_gate: Any, shared_up: Any, shared_down: Any,
        k: int, norm_topk_prob: bool,
    ) -> Any:  # fmt: skip
        def mix(x: Any, k: int = k) -> Any:
            return _mix(x, router, gate, up, down, k, norm_topk_prob) if k else 0 * x

        def shared(x: Any) -> Any:
            return _expert(x, shared_gate, shared_up, shared_down)

        return join(x, shared, mix, k, lambda: _route(x @ router.T, k, norm_topk_prob)[0][..., :1])

    return mixture


slip("shared expert forgotten", "only the chosen experts answer")(
    _shared(lambda x, shared, mix, k, first: mix(x) + 0 * shared(x))
)
slip("averaged with the mixture", "the two parts are averaged, not added")(
    _shared(lambda x, shared, mix, k, first: (mix(x) + shared(x)) / 2)
)
slip("shared among the k", "the shared expert takes one of the k places")(
    _shared(lambda x, shared, mix, k, first: mix(x, k - 1) + shared(x))
)
slip("shared expert scaled", "the shared answer is multiplied by the first weight")(
    _shared(lambda x, shared, mix, k, first: mix(x) + first() * shared(x))
)
slip("one after the other", "the chosen experts work on the shared one's answer")(
    _shared(lambda x, shared, mix, k, first: shared(x) + mix(x + shared(x)))
)
slip("x detached at the shared expert", "no gradient to x through the shared one")(
    _shared(lambda x, shared, mix, k, first: mix(x) + shared(x.detach()))
)


def _counts(rows: Any, k: int) -> Any:
    return F.one_hot(_chosen(rows, k), rows.shape[-1]).sum(-2).to(rows.dtype)


def _balance(logits: Any, k: int) -> tuple[Any, Any, int, int]:
    rows = logits.reshape(-1, logits.shape[-1])
    tokens = max(len(rows), 1)
    return _counts(rows, k).sum(0) / tokens, torch.softmax(rows, -1).sum(0) / tokens, tokens, rows.shape[-1]


def _loss(rule: Callable[..., Any]) -> Callable[[Any, int], Any]:
    """Return the loss as `rule(f, p, tokens, experts, k)`: the counts, the mean probabilities, and three numbers."""
    return lambda logits, k: rule(*_balance(logits, k), k)


slip = SLIPS.of("layers.load_balancing_loss")
slip("number of experts left out", "Σ f · P is not multiplied by the number of experts")(
    _loss(lambda f, p, tokens, experts, k: (f * p).sum())
)
slip("divided by the choices", "f is divided by tokens · k: it sums to 1, not to k")(
    _loss(lambda f, p, tokens, experts, k: experts * (f * p).sum() / k)
)
slip("first choices only", "f counts the first choice of each token only")(
    lambda logits, k: _loss(lambda f, p, tokens, experts, k: experts * (f * p).sum())(logits, 1)
)
slip("probabilities for counts", "P takes the place of the counts: experts · Σ P²")(
    _loss(lambda f, p, tokens, experts, k: experts * (p * p).sum() * k)
)
slip("summed over tokens", "P is the sum over the tokens, not their mean")(
    _loss(lambda f, p, tokens, experts, k: experts * (f * p).sum() * tokens)
)


@slip("shares for probabilities", "P is taken over the chosen experts' weights only")
def chosen_only(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    counts = _counts(rows, k)
    p = torch.softmax(rows, -1) * counts
    p = p / p.sum(-1, keepdim=True)
    tokens = max(len(rows), 1)
    return rows.shape[-1] * (counts.sum(0) / tokens * p.sum(0) / tokens).sum()


@slip("text by text", "each row of the batch is balanced by itself")
def text_by_text(logits: Any, k: int) -> Any:
    if logits.dim() < 3:
        return _loss(lambda f, p, tokens, experts, k: experts * (f * p).sum())(logits, k)
    found = [text_by_text(one, k) for one in logits]
    return torch.stack(found).mean() if found else logits.sum()


@slip("product before the mean", "f · p is averaged over tokens: p of the chosen")
def product_first(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    return rows.shape[-1] * (_counts(rows, k) * torch.softmax(rows, -1)).sum() / max(len(rows), 1)


@slip("NaN without tokens", "0/0 when there is no token")
def balance_nothing(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    return rows.shape[-1] * (_counts(rows, k).mean(0) * torch.softmax(rows, -1).mean(0)).sum()


@slip("counts differentiated", "the counts are given p's slope as well", backward=True)
def counts_differentiated(dloss: Any, logits: Any, k: int) -> Any:
    experts = logits.shape[-1]
    tokens = max(logits.size // experts, 1)
    p = softmax(logits, -1)
    chosen = reference_router(logits, k, True)[1]
    f = np.bincount(chosen.reshape(-1), minlength=experts) / tokens
    both = f + p.reshape(-1, experts).sum(0) / tokens
    return softmax_backward(np.broadcast_to(dloss * experts * both / tokens, logits.shape), logits, -1)


@slip("softmax left out of the gradient", "dP is given to the logits", backward=True)
def balance_no_softmax(dloss: Any, logits: Any, k: int) -> Any:
    experts = logits.shape[-1]
    tokens = max(logits.size // experts, 1)
    chosen = reference_router(logits, k, True)[1]
    f = np.bincount(chosen.reshape(-1), minlength=experts) / tokens
    return np.broadcast_to(dloss * experts * f / tokens, logits.shape) * np.ones(logits.shape)


slip = SLIPS.of("layers.router_z_loss")


def _mean(values: Any) -> Any:
    return values.sum() / max(values.numel(), 1)


slip("absolute value", "the distance from 0, not its square")(lambda logits: _mean(logits.logsumexp(-1).abs()))
slip("summed over tokens", "the squares are summed, not averaged")(lambda logits: logits.logsumexp(-1).square().sum())
slip("square of the mean", "the mean is taken first: drifts up and down cancel")(
    lambda logits: _mean(logits.logsumexp(-1)).square()
)
slip("squares of the logits", "the logits themselves are squared and averaged")(lambda logits: _mean(logits.square()))
slip("largest logit only", "the square of the largest logit, without log Σ exp")(
    lambda logits: _mean(logits.max(-1).values.square())
)
slip("mean of exp", "log of the mean of exp, not of the sum")(
    lambda logits: _mean((logits.logsumexp(-1) - math.log(logits.shape[-1])).square())
)
slip("largest logit left in", "exp is taken of the logits as they are: it overflows")(
    lambda logits: _mean(logits.exp().sum(-1).log().square())
)
slip("NaN without tokens", "0/0 when there is no token")(lambda logits: logits.logsumexp(-1).square().mean())


@slip("2 left out", "the derivative of the square lacks its 2", backward=True)
def z_no_two(dloss: Any, logits: Any) -> Any:
    z = log_sum_exp(logits)
    return dloss * z[..., None] / max(z.size, 1) * softmax(logits, -1)


@slip("spread evenly", "every logit gets the same, not its probability's part", backward=True)
def z_even(dloss: Any, logits: Any) -> Any:
    z = log_sum_exp(logits)
    return dloss * 2 * z[..., None] / max(z.size, 1) * np.full(logits.shape, 1 / logits.shape[-1])
