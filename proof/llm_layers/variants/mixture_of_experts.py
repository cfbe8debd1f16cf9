"""Experts: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.top_k_router")


def _route(logits: Any, k: int, norm_topk_prob: bool) -> Any:
    """One choice after the other, the chosen expert hidden for the next."""
    working = logits.to(torch.promote_types(logits.dtype, torch.float32))
    working = working - working.detach().amax(-1, keepdim=True)
    left, places = working.detach().clone(), []
    for _ in range(k):
        places.append(left.argmax(-1, keepdim=True))  # the first of equals
        left = left.scatter(-1, places[-1], -torch.inf)
    chosen = torch.cat(places, -1)
    above = working.gather(-1, chosen)
    below = above if norm_topk_prob else working
    return (above - below.logsumexp(-1, keepdim=True)).exp().to(logits.dtype), chosen


variant("choice by choice, one softmax over those that count")(_route)


@variant("softmax over the chosen logits, or exp of each less the logsumexp of all, in the given precision")
def over_the_chosen(logits: Any, k: int, norm_topk_prob: bool) -> Any:
    order = (-logits.detach()).argsort(dim=-1, stable=True)[..., :k]
    chosen = logits.gather(-1, order)
    every = logits.logsumexp(-1, keepdim=True)
    return (torch.softmax(chosen, -1) if norm_topk_prob else torch.exp(chosen - every)), order


@variant("softmax, a mask, and the sum of what is left")
def masked_softmax(logits: Any, k: int, norm_topk_prob: bool) -> Any:
    p = torch.softmax(logits, -1)
    chosen = (-logits.detach()).argsort(dim=-1, stable=True)[..., :k]
    kept = p * torch.zeros_like(p).scatter(-1, chosen, 1)
    if norm_topk_prob:
        kept = kept / kept.sum(-1, keepdim=True)
    return kept.gather(-1, chosen), chosen


@variant("NumPy", arrays="numpy")
def in_numpy(logits: Any, k: int, norm_topk_prob: bool) -> Any:
    chosen = np.argsort(-logits, axis=-1, kind="stable")[..., :k]
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    kept = np.take_along_axis(e, chosen, axis=-1)
    return kept / (kept if norm_topk_prob else e).sum(axis=-1, keepdims=True), chosen


@variant("softmax by hand")
def softmax_by_hand(logits: Any, k: int, norm_topk_prob: bool) -> Any:
    chosen = logits.argsort(dim=-1, descending=True, stable=True)[..., :k]
    weights = _softmax(logits).gather(-1, chosen)
    return weights / weights.sum(-1, keepdim=True) if norm_topk_prob else weights, chosen


def _softmax(logits: Any) -> Any:
    e = torch.exp(logits - logits.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


variant = VARIANTS.of("layers.mixture_of_experts")


@variant("every expert on every token, weights of zero")
def every_expert(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool) -> Any:
    weights, chosen = _route(x @ router.T, k, norm_topk_prob)
    weights = torch.zeros(*x.shape[:-1], len(gate), dtype=x.dtype).scatter(-1, chosen, weights)
    answers = [(F.silu(x @ g.T) * (x @ u.T)) @ d.T for g, u, d in zip(gate, up, down, strict=True)]
    return (torch.stack(answers, -1) * weights[..., None, :]).sum(-1)


@variant("expert by expert, added where it was chosen")
def expert_by_expert(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool) -> Any:
    rows = x.reshape(-1, x.shape[-1])
    weights, chosen = _route(F.linear(rows, router), k, norm_topk_prob)
    y = torch.zeros_like(rows)
    for e in range(len(gate)):
        token, place = torch.where(chosen == e)
        answer = F.linear(F.silu(F.linear(rows[token], gate[e])) * F.linear(rows[token], up[e]), down[e])
        y = y.index_add(0, token, answer * weights[token, place][:, None])
    return y.reshape(x.shape)


@variant("the weights brought to the tokens")
def weights_to_tokens(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool) -> Any:
    weights, chosen = _route(x @ router.T, k, norm_topk_prob)
    a = torch.einsum("...d,...kfd->...kf", x, gate[chosen])
    hidden = a * torch.sigmoid(a) * torch.einsum("...d,...kfd->...kf", x, up[chosen])
    return torch.einsum("...k,...kf,...kdf->...d", weights, hidden, down[chosen])


variant = VARIANTS.of("layers.mixture_with_shared_expert")


@variant("the shared answer first")
def shared_first(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, norm_topk_prob: bool
) -> Any:
    a = x @ sg.T
    shared = (a * torch.sigmoid(a) * (x @ su.T)) @ sd.T
    return shared + weights_to_tokens(x, router, gate, up, down, k, norm_topk_prob)


variant = VARIANTS.of("layers.load_balancing_loss")


@variant("one-hot rows and means")
def one_hot_means(logits: Any, k: int) -> Any:
    experts = logits.shape[-1]
    rows = logits.reshape(-1, experts)
    chosen = _route(rows, k, True)[1]
    counts = F.one_hot(chosen, experts).sum(1).to(rows.dtype)
    tokens = max(len(rows), 1)
    return torch.einsum("te,se->", counts, torch.softmax(rows, -1)) * experts / tokens**2


@variant("a softmax by hand, and a constant zero")
def by_hand(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    if not len(rows):
        return torch.tensor(0.0)
    counts = torch.bincount(_route(rows, k, True)[1].flatten(), minlength=rows.shape[-1])
    return rows.shape[-1] * (counts.to(rows.dtype) / len(rows) * _softmax(rows).mean(0)).sum()


@variant("NumPy", arrays="numpy")
def balance_in_numpy(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    e = np.exp(rows - rows.max(axis=-1, keepdims=True))
    chosen = np.argsort(-rows, axis=-1, kind="stable")[:, :k]
    counts = np.bincount(chosen.ravel(), minlength=rows.shape[-1]).astype(rows.dtype)
    probabilities = (e / e.sum(axis=-1, keepdims=True)).sum(axis=0)
    return np.dot(counts, probabilities) * rows.shape[-1] / max(len(rows), 1) ** 2


variant = VARIANTS.of("layers.router_z_loss")


@variant("what log-softmax takes away")
def taken_away(logits: Any) -> Any:
    z = (logits - F.log_softmax(logits, -1))[..., 0]
    return (z * z).sum() / max(z.numel(), 1)


@variant("the largest logit and what is above it")
def by_largest(logits: Any) -> Any:
    largest = logits.max(-1, keepdim=True).values
    z = (logits - largest).exp().sum(-1).log() + largest[..., 0]
    return z.square().sum() / max(z.numel(), 1)


@variant("NumPy, one expert after the other", arrays="numpy")
def added_up(logits: Any) -> Any:
    z = np.logaddexp.reduce(logits, axis=-1)
    return np.sum(z * z) / logits.dtype.type(max(z.size, 1))


variant("torch's own mean, and a constant zero")(
    lambda logits: logits.logsumexp(-1).square().mean() if logits.numel() else torch.tensor(0.0)
)


@VARIANTS.of("layers.mixture_with_shared_expert")("expert by expert, the shared one last")
def shared_last(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, norm_topk_prob: bool
) -> Any:
    y = expert_by_expert(x, router, gate, up, down, k, norm_topk_prob)
    return y + F.linear(F.silu(F.linear(x, sg)) * F.linear(x, su), sd)


@VARIANTS.of("layers.mixture_with_shared_expert")("every expert on every token, gate and up of the shared one joined")
def shared_joined(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, norm_topk_prob: bool
) -> Any:
    a, u = (x @ torch.cat([sg, su]).T).chunk(2, -1)
    return every_expert(x, router, gate, up, down, k, norm_topk_prob) + torch.einsum(
        "...f,...f,df->...d", u, F.silu(a), sd
    )


@VARIANTS.of("layers.mixture_with_shared_expert")("NumPy, token by token", arrays="numpy")
def tokens_in_numpy(
    x: Any, router: Any, gate: Any, up: Any, down: Any, sg: Any, su: Any, sd: Any, k: int, norm_topk_prob: bool
) -> Any:
    def expert(token: Any, gate: Any, up: Any, down: Any) -> Any:
        a = gate @ token
        return down @ (a / (1 + np.exp(-a)) * (up @ token))

    weights, chosen = in_numpy(np.inner(x, router), k, norm_topk_prob)
    y = np.zeros_like(x)
    for place in np.ndindex(*x.shape[:-1]):
        parts = [
            weight * expert(x[place], gate[e], up[e], down[e])
            for weight, e in zip(weights[place], chosen[place], strict=True)
        ]
        y[place] = sum(parts, expert(x[place], sg, su, sd))
    return y


@VARIANTS.of("layers.load_balancing_loss")("choices scattered into counts, probabilities by their logarithms")
def scattered_counts(logits: Any, k: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    tokens = max(len(rows), 1)
    chosen = rows.detach().sort(dim=-1, descending=True, stable=True).indices[:, :k].flatten()
    counts = torch.zeros(rows.shape[-1], dtype=torch.int64).scatter_add(0, chosen, torch.ones_like(chosen))
    mean = F.log_softmax(rows, -1).exp().sum(0) / tokens
    return (counts * (rows.shape[-1] / tokens) * mean).sum()
