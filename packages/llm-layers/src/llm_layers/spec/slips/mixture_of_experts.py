"""Mistakes with a mixture of experts and with the losses of its router."""

import math
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
from llm_tokenizer.conformance import slip


def _chosen(logits: Any, k: int) -> Any:
    return logits.detach().sort(dim=-1, descending=True, stable=True).indices[..., :k]


def _route(logits: Any, k: int, normalise: bool) -> Any:
    chosen = _chosen(logits, k)
    shares = torch.softmax(logits, -1).gather(-1, chosen)
    return (shares / shares.sum(-1, keepdim=True) if normalise else shares), chosen


def _expert(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def _answers(x: Any, chosen: Any, gate: Any, up: Any, down: Any) -> Any:
    hidden = F.silu(torch.einsum("...d,...kfd->...kf", x, gate[chosen]))
    hidden = hidden * torch.einsum("...d,...kfd->...kf", x, up[chosen])
    return torch.einsum("...kf,...kdf->...kd", hidden, down[chosen])


def _mix(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    shares, chosen = _route(x @ router.T, k, normalise)
    return (shares[..., None] * _answers(x, chosen, gate, up, down)).sum(-2)


# --- top_k_router ---


@slip("layers.top_k_router", "never normalised", "normalise is not looked at: the shares are left as they are")
def never_normalised(logits: Any, k: int, normalise: bool) -> Any:
    return _route(logits, k, False)


@slip("layers.top_k_router", "softmax after the choice", "the softmax runs over the chosen logits only")
def softmax_after(logits: Any, k: int, normalise: bool) -> Any:
    chosen = _chosen(logits, k)
    return torch.softmax(logits.gather(-1, chosen), -1), chosen


@slip("layers.top_k_router", "normalise the wrong way round", "normalised where it must not be, and the reverse")
def reversed_normalise(logits: Any, k: int, normalise: bool) -> Any:
    return _route(logits, k, not normalise)


@slip("layers.top_k_router", "one expert too few", "k - 1 experts come back")
def one_too_few(logits: Any, k: int, normalise: bool) -> Any:
    return _route(logits, k - 1, normalise)


@slip("layers.top_k_router", "the least likely", "the k smallest logits are chosen")
def least_likely(logits: Any, k: int, normalise: bool) -> Any:
    chosen = logits.detach().sort(dim=-1, stable=True).indices[..., :k]
    shares = torch.softmax(logits, -1).gather(-1, chosen)
    return (shares / shares.sum(-1, keepdim=True) if normalise else shares), chosen


@slip("layers.top_k_router", "ties to the last", "of equal logits the expert with the higher number comes first")
def ties_to_last(logits: Any, k: int, normalise: bool) -> Any:
    chosen = logits.shape[-1] - 1 - _chosen(logits.flip(-1), k)
    shares = torch.softmax(logits, -1).gather(-1, chosen)
    return (shares / shares.sum(-1, keepdim=True) if normalise else shares), chosen


@slip("layers.top_k_router", "in the order of their numbers", "the chosen experts are sorted by number, not by share")
def by_number(logits: Any, k: int, normalise: bool) -> Any:
    chosen = _chosen(logits, k).sort(-1).values
    shares = torch.softmax(logits, -1).gather(-1, chosen)
    return (shares / shares.sum(-1, keepdim=True) if normalise else shares), chosen


@slip("layers.top_k_router", "logits as shares", "the logits themselves are divided by their sum: no softmax")
def raw_logits(logits: Any, k: int, normalise: bool) -> Any:
    chosen = _chosen(logits, k)
    shares = logits.gather(-1, chosen)
    return (shares / shares.sum(-1, keepdim=True) if normalise else shares), chosen


@slip("layers.top_k_router", "sigmoid for softmax", "each expert has a sigmoid of its own, as in DeepSeek-V3")
def sigmoids(logits: Any, k: int, normalise: bool) -> Any:
    chosen = _chosen(logits, k)
    shares = torch.sigmoid(logits).gather(-1, chosen)
    return (shares / shares.sum(-1, keepdim=True) if normalise else shares), chosen


@slip("layers.top_k_router", "shares without a slope", "the shares are detached: the router never learns")
def detached_shares(logits: Any, k: int, normalise: bool) -> Any:
    shares, chosen = _route(logits, k, normalise)
    return shares.detach() + 0 * logits.sum(), chosen


@slip("layers.top_k_router", "sum held constant", "the gradient does not run through the sum of the chosen shares")
def constant_sum(logits: Any, k: int, normalise: bool) -> Any:
    chosen = _chosen(logits, k)
    shares = torch.softmax(logits, -1).gather(-1, chosen)
    return (shares / shares.sum(-1, keepdim=True).detach() if normalise else shares), chosen


@slip("layers.top_k_router", "largest logit left in", "exp is taken of the logits as they are: it overflows")
def overflowing(logits: Any, k: int, normalise: bool) -> Any:
    chosen = _chosen(logits, k)
    e = logits.exp()
    shares = (e / e.sum(-1, keepdim=True)).gather(-1, chosen)
    return (shares / shares.sum(-1, keepdim=True) if normalise else shares), chosen


@slip("layers.top_k_router", "unchosen experts left alone", "the unchosen logits get no gradient", backward=True)
def unchosen_alone(dshares: Any, dchosen: Any, logits: Any, k: int, normalise: bool) -> Any:
    dlogits = reference_router_backward(dshares, None, logits, k, normalise)
    kept = np.zeros_like(dlogits)
    np.put_along_axis(kept, reference_router(logits, k, normalise)[1], 1.0, axis=-1)
    return dlogits * kept


@slip("layers.top_k_router", "softmax without the average", "p · dp without taking Σ p · dp away", backward=True)
def without_average(dshares: Any, dchosen: Any, logits: Any, k: int, normalise: bool) -> Any:
    dp = np.zeros_like(logits)
    np.put_along_axis(dp, reference_router(logits, k, normalise)[1], dshares, axis=-1)
    return softmax(logits, -1) * dp


# --- mixture_of_experts ---


@slip("layers.mixture_of_experts", "never normalised", "normalise is not looked at: the shares are left as they are")
def mix_never_normalised(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return _mix(x, router, gate, up, down, k, False)


@slip("layers.mixture_of_experts", "always normalised", "the shares add up to one whatever was asked for")
def mix_always_normalised(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return _mix(x, router, gate, up, down, k, True)


@slip("layers.mixture_of_experts", "shares left out", "the answers are added up without their shares")
def no_shares(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    answers = _answers(x, _chosen(x @ router.T, k), gate, up, down)
    return answers.sum(-2) + 0 * router.sum()


@slip("layers.mixture_of_experts", "plain average", "the answers are averaged without their shares")
def averaged(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return _answers(x, _chosen(x @ router.T, k), gate, up, down).mean(-2) + 0 * router.sum()


@slip("layers.mixture_of_experts", "one expert too few", "k - 1 experts are used")
def mix_one_too_few(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return _mix(x, router, gate, up, down, k - 1, normalise)


@slip("layers.mixture_of_experts", "all experts", "every expert answers, k is not looked at")
def all_experts(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return _mix(x, router, gate, up, down, len(gate), normalise)


@slip("layers.mixture_of_experts", "shares on the way in", "x is multiplied by the share, not the expert's answer")
def shares_first(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    shares, chosen = _route(x @ router.T, k, normalise)
    given = shares[..., None] * x[..., None, :]
    hidden = F.silu(torch.einsum("...kd,...kfd->...kf", given, gate[chosen]))
    hidden = hidden * torch.einsum("...kd,...kfd->...kf", given, up[chosen])
    return torch.einsum("...kf,...kdf->...d", hidden, down[chosen])


@slip("layers.mixture_of_experts", "answers in the experts' order", "the sorting by expert is not undone at the end")
def not_undone(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    rows = x.reshape(-1, x.shape[-1])
    shares, chosen = _route(rows @ router.T, k, normalise)
    answers = _answers(rows, chosen, gate, up, down).reshape(-1, x.shape[-1])
    answers = answers[chosen.reshape(-1).argsort(stable=True)].reshape(*chosen.shape, x.shape[-1])
    return (shares[..., None] * answers).sum(-2).reshape(x.shape)


@slip("layers.mixture_of_experts", "gate and up swapped", "SiLU is taken of up, not of gate")
def swapped(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return _mix(x, router, up, gate, down, k, normalise)


@slip("layers.mixture_of_experts", "shares without a slope", "the shares are detached: the router never learns")
def mix_detached(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return _mix(x, router.detach(), gate, up, down, k, normalise) + 0 * router.sum()


@slip("layers.mixture_of_experts", "x detached at the router", "no gradient comes to x through the router")
def router_detached(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    shares, chosen = _route(x.detach() @ router.T, k, normalise)
    return (shares[..., None] * _answers(x, chosen, gate, up, down)).sum(-2)


@slip("layers.mixture_of_experts", "x added", "the residual stream is added: that is the block's work")
def residual(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return x + _mix(x, router, gate, up, down, k, normalise)


def _mixture_backward(
    dy: Any, x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool, *, add: bool, share: bool
) -> Any:
    """The right gradient with one of two mistakes: `add` and `share` both True would be right."""
    logits = x @ router.T
    shares, chosen = reference_router(logits, k, normalise)
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
    dlogits = reference_router_backward(dshares, None, logits, k, normalise)
    return dx + dlogits @ router, outer(dlogits, x), *weights


@slip("layers.mixture_of_experts", "the last token wins", "an expert keeps its last token's gradient", backward=True)
def last_token(dy: Any, x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return _mixture_backward(dy, x, router, gate, up, down, k, normalise, add=False, share=True)


@slip("layers.mixture_of_experts", "weights without shares", "the weights' gradients lack the share", backward=True)
def weights_unshared(dy: Any, x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, normalise: bool) -> Any:
    return _mixture_backward(dy, x, router, gate, up, down, k, normalise, add=True, share=False)


# --- mixture_with_shared_expert ---


@slip("layers.mixture_with_shared_expert", "shared expert forgotten", "only the chosen experts answer")
def shared_forgotten(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, normalise: bool
) -> Any:
    return _mix(x, router, gate, up, down, k, normalise) + 0 * (sg.sum() + su.sum() + sd.sum())


@slip("layers.mixture_with_shared_expert", "averaged with the mixture", "the two parts are averaged, not added")
def shared_averaged(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, normalise: bool
) -> Any:
    return (_mix(x, router, gate, up, down, k, normalise) + _expert(x, sg, su, sd)) / 2


@slip("layers.mixture_with_shared_expert", "shared among the k", "the shared expert takes one of the k places")
def shared_among(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, normalise: bool
) -> Any:
    shared = _expert(x, sg, su, sd)
    return shared + (_mix(x, router, gate, up, down, k - 1, normalise) if k > 1 else 0 * x.sum())


@slip("layers.mixture_with_shared_expert", "shared expert scaled", "the shared answer is multiplied by the first share")
def shared_scaled(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, normalise: bool
) -> Any:
    shares, chosen = _route(x @ router.T, k, normalise)
    mixed = (shares[..., None] * _answers(x, chosen, gate, up, down)).sum(-2)
    return mixed + shares[..., :1] * _expert(x, sg, su, sd)


@slip("layers.mixture_with_shared_expert", "one after the other", "the chosen experts work on the shared one's answer")
def one_after_the_other(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, normalise: bool
) -> Any:
    shared = x + _expert(x, sg, su, sd)
    return shared - x + _mix(shared, router, gate, up, down, k, normalise)


@slip("layers.mixture_with_shared_expert", "never normalised", "normalise is not looked at")
def shared_never_normalised(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, normalise: bool
) -> Any:
    return _mix(x, router, gate, up, down, k, False) + _expert(x, sg, su, sd)


@slip("layers.mixture_with_shared_expert", "always normalised", "the shares add up to one whatever was asked for")
def shared_always_normalised(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, normalise: bool
) -> Any:
    return _mix(x, router, gate, up, down, k, True) + _expert(x, sg, su, sd)


@slip("layers.mixture_with_shared_expert", "x detached at the shared expert", "no gradient to x through the shared one")
def shared_detached(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, normalise: bool
) -> Any:
    return _mix(x, router, gate, up, down, k, normalise) + _expert(x.detach(), sg, su, sd)


# --- load_balancing_loss ---


def _counts(rows: Any, k: int) -> Any:
    return F.one_hot(_chosen(rows, k), rows.shape[-1]).sum(-2).to(rows.dtype)


def _balance(logits: Any, k: int) -> tuple[Any, Any, int, int]:
    rows = logits.reshape(-1, logits.shape[-1])
    tokens = max(len(rows), 1)
    p = torch.softmax(rows, -1)
    return _counts(rows, k).sum(0) / tokens, p.sum(0) / tokens, tokens, rows.shape[-1]


@slip("layers.load_balancing_loss", "number of experts left out", "Σ f · P is not multiplied by the number of experts")
def no_factor(logits: Any, k: int) -> Any:
    f, p, _, _ = _balance(logits, k)
    return (f * p).sum()


@slip("layers.load_balancing_loss", "divided by the choices", "f is divided by tokens · k: it adds up to 1, not to k")
def per_choice(logits: Any, k: int) -> Any:
    f, p, _, experts = _balance(logits, k)
    return experts * (f * p).sum() / k


@slip("layers.load_balancing_loss", "first choices only", "f counts the first choice of each token only")
def first_choices(logits: Any, k: int) -> Any:
    f, p, _, experts = _balance(logits, 1)
    return experts * (f * p).sum()


@slip("layers.load_balancing_loss", "probabilities for counts", "P takes the place of the counts: experts · Σ P²")
def soft_counts(logits: Any, k: int) -> Any:
    _, p, _, experts = _balance(logits, k)
    return experts * (p * p).sum() * k


@slip("layers.load_balancing_loss", "summed over tokens", "P is the sum over the tokens, not their mean")
def balance_summed(logits: Any, k: int) -> Any:
    f, p, tokens, experts = _balance(logits, k)
    return experts * (f * p).sum() * tokens


@slip("layers.load_balancing_loss", "shares for probabilities", "P is taken over the chosen experts' shares only")
def chosen_only(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    counts = _counts(rows, k)
    p = torch.softmax(rows, -1) * counts
    p = p / p.sum(-1, keepdim=True)
    tokens = max(len(rows), 1)
    return rows.shape[-1] * (counts.sum(0) / tokens * p.sum(0) / tokens).sum()


@slip("layers.load_balancing_loss", "text by text", "each row of the batch is balanced by itself")
def text_by_text(logits: Any, k: int) -> Any:
    if logits.dim() < 3:
        f, p, _, experts = _balance(logits, k)
        return experts * (f * p).sum()
    found = [text_by_text.function(one, k) for one in logits]
    return torch.stack(found).mean() if found else logits.sum()


@slip("layers.load_balancing_loss", "product before the mean", "f · p is averaged over tokens: p of the chosen")
def product_first(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    return rows.shape[-1] * (_counts(rows, k) * torch.softmax(rows, -1)).sum() / max(len(rows), 1)


@slip("layers.load_balancing_loss", "ties to the last", "of equal logits the expert with the higher number is counted")
def balance_ties(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    _, p, tokens, experts = _balance(logits, k)
    f = _counts(rows.flip(-1), k).flip(-1).sum(0) / tokens
    return experts * (f * p).sum()


@slip("layers.load_balancing_loss", "NaN without tokens", "0/0 when there is no token")
def balance_nothing(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    return rows.shape[-1] * (_counts(rows, k).mean(0) * torch.softmax(rows, -1).mean(0)).sum()


@slip("layers.load_balancing_loss", "largest logit left in", "exp is taken of the logits as they are: it overflows")
def balance_overflowing(logits: Any, k: int) -> Any:
    f, _, tokens, experts = _balance(logits, k)
    rows = logits.reshape(-1, experts)
    total = rows.exp().sum(-1, keepdim=True).detach()
    p = torch.softmax(rows, -1) * (total / total)  # where nothing overflows, right to the last bit
    return experts * (f * p.sum(0) / tokens).sum()


@slip("layers.load_balancing_loss", "counts differentiated", "the counts are given p's slope as well", backward=True)
def counts_differentiated(dloss: Any, logits: Any, k: int) -> Any:
    experts = logits.shape[-1]
    tokens = max(logits.size // experts, 1)
    p = softmax(logits, -1)
    chosen = reference_router(logits, k, True)[1]
    f = np.bincount(chosen.reshape(-1), minlength=experts) / tokens
    both = f + p.reshape(-1, experts).sum(0) / tokens
    return softmax_backward(np.broadcast_to(dloss * experts * both / tokens, logits.shape), logits, -1)


@slip("layers.load_balancing_loss", "softmax left out of the gradient", "dP is given to the logits", backward=True)
def balance_no_softmax(dloss: Any, logits: Any, k: int) -> Any:
    experts = logits.shape[-1]
    tokens = max(logits.size // experts, 1)
    chosen = reference_router(logits, k, True)[1]
    f = np.bincount(chosen.reshape(-1), minlength=experts) / tokens
    return np.broadcast_to(dloss * experts * f / tokens, logits.shape) * np.ones(logits.shape)


# --- router_z_loss ---


@slip("layers.router_z_loss", "square left out", "log Σ exp is not squared: it may run to minus infinity")
def no_square(logits: Any) -> Any:
    z = logits.logsumexp(-1)
    return z.sum() / max(z.numel(), 1)


@slip("layers.router_z_loss", "absolute value", "the distance from 0, not its square")
def absolute(logits: Any) -> Any:
    z = logits.logsumexp(-1).abs()
    return z.sum() / max(z.numel(), 1)


@slip("layers.router_z_loss", "summed over tokens", "the squares are summed, not averaged")
def z_summed(logits: Any) -> Any:
    return logits.logsumexp(-1).square().sum()


@slip("layers.router_z_loss", "square of the mean", "the mean is taken first: drifts up and down cancel")
def square_of_mean(logits: Any) -> Any:
    z = logits.logsumexp(-1)
    return (z.sum() / max(z.numel(), 1)).square()


@slip("layers.router_z_loss", "squares of the logits", "the logits themselves are squared and averaged")
def logit_squares(logits: Any) -> Any:
    return logits.square().sum() / max(logits.numel(), 1)


@slip("layers.router_z_loss", "largest logit only", "the square of the largest logit, without log Σ exp")
def largest_only(logits: Any) -> Any:
    z = logits.max(-1).values
    return z.square().sum() / max(z.numel(), 1)


@slip("layers.router_z_loss", "base 2", "the logarithm of base 2")
def z_bits(logits: Any) -> Any:
    z = logits.logsumexp(-1) / math.log(2)
    return z.square().sum() / max(z.numel(), 1)


@slip("layers.router_z_loss", "mean of exp", "log of the mean of exp, not of the sum")
def log_mean_exp(logits: Any) -> Any:
    z = logits.logsumexp(-1) - math.log(logits.shape[-1])
    return z.square().sum() / max(z.numel(), 1)


@slip("layers.router_z_loss", "largest logit left in", "exp is taken of the logits as they are: it overflows")
def z_overflowing(logits: Any) -> Any:
    z = logits.exp().sum(-1).log()
    return z.square().sum() / max(z.numel(), 1)


@slip("layers.router_z_loss", "NaN without tokens", "0/0 when there is no token")
def z_nothing(logits: Any) -> Any:
    return logits.logsumexp(-1).square().mean()


@slip("layers.router_z_loss", "2 left out", "the derivative of the square lacks its 2", backward=True)
def z_no_two(dloss: Any, logits: Any) -> Any:
    z = log_sum_exp(logits)
    return dloss * z[..., None] / max(z.size, 1) * softmax(logits, -1)


@slip("layers.router_z_loss", "spread evenly", "every logit gets the same, not its probability's part", backward=True)
def z_even(dloss: Any, logits: Any) -> Any:
    z = log_sum_exp(logits)
    return dloss * 2 * z[..., None] / max(z.size, 1) * np.full(logits.shape, 1 / logits.shape[-1])
