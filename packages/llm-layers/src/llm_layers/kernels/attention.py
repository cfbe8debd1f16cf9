"""Attention by blocks of queries, each with the keys that it may see and no others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.utils.weak import WeakTensorKeyDictionary

from llm_layers.layers.attention import fused_attention
from llm_layers.layers.precision import apply, is_slow, product_dtype

QUERIES = 64
"""How many queries are worked on at a time: fewer skip more of the hidden keys, more make larger products."""
TOGETHER = 2**18
"""How many scores are worked on at a time: a megabyte, which a cache holds."""
SCORES = 2**22
"""How many attention weights are saved for backward; above this they are recomputed."""


def attention(
    query: Float[Tensor, "*#batch query_position d_head"],
    key: Float[Tensor, "*#batch key_position d_head"],
    value: Float[Tensor, "*#batch key_position d_head"],
    mask: Bool[Tensor, "*#batch query_position key_position"] | None = None,
) -> Float[Tensor, "..."]:
    """Compute `llm_layers.attention` without the work on keys that no query sees.

    Formula: y = P v with P = softmax(q kᵀ / √d + bias);
        dv = Pᵀ dy,  dS = P ⊙ (dy vᵀ - Σ (dy vᵀ) ⊙ P),  dq = dS k / √d,  dk = dSᵀ q / √d

    Why it works:
        A causal mask hides nearly half of all scores. For each block of neighboring queries the mask says which keys
        any of them sees, and only those are multiplied: for the first block a few, for the last one all. That holds
        for a sliding window too, without a word about either. A few heads go through all steps together, as many as
        the cache holds the scores of. Backward needs the attention weights P: while they are few they are saved. When
        they would outgrow everything else, they are recomputed from queries and keys. For the plain causal triangle,
        and for a text so short that nothing can be skipped, torch's compiled kernel does that best; it is told that
        the mask is the triangle, because a mask tensor would keep it from skipping anything. On anything but a CPU
        `fused_attention` does it all.

        Forward and backward at 2048 positions, one thread, AVX-512: 0.5 of the time of `fused_attention` with a causal
        mask and 0.3 with a window of 128. In bfloat16 at 256 positions `llm_layers.attention` is faster.

    Spec: layers.attention
    Source: Vaswani et al. 2017, arXiv:1706.03762; recomputing: Dao et al. 2022, "FlashAttention", arXiv:2205.14135.
    """
    if query.device.type != "cpu" or not query.dtype == key.dtype == value.dtype:
        return fused_attention(query, key, value, mask)
    leading = _leading(query, key, value, mask)

    def flat(x: Tensor) -> Tensor:
        return x.expand(*leading, *x.shape[-2:]).reshape(leading.numel(), *x.shape[-2:])

    working = _working(query)
    plan = None if mask is None else _plan(mask if mask.dim() == 2 else flat(mask), working)
    few = leading.numel() * query.shape[-2] * key.shape[-2] <= SCORES
    if plan is not None and plan.triangle and not (few and len(plan.blocks) > 1) and working == product_dtype(query):
        return _triangle(query, key, value, leading)
    keeps = few and torch.is_grad_enabled()
    y: Tensor = apply(_Attention, flat(query), flat(key), flat(value), plan, keeps)
    return y.view(*leading, *y.shape[-2:])


def _leading(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> torch.Size:
    """Return the leading axes of the result."""
    leading = query.shape[:-2]
    if key.shape[:-2] == value.shape[:-2] == leading and (mask is None or mask.dim() == 2):
        return leading  # the usual case: torch's way to work it out takes longer than a small head
    shapes = leading, key.shape[:-2], value.shape[:-2], mask.shape[:-2] if mask is not None else ()
    broadcast: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]
    return broadcast


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What a mask amounts to; in training all layers of a model share it.

    Args:
        blocks: which queries go together, and from the first to the last key that any of them sees.
        bias: what is added to the scores; of length 1 along the heads when one serves all.
        sees: 1 for each query that sees something, 0 for the others; None when all do.
        triangle: whether each query sees itself and what is before it, and nothing else.
    """

    blocks: tuple[tuple[slice, slice], ...]
    bias: Tensor
    sees: Tensor | None
    triangle: bool


_PLANS = WeakTensorKeyDictionary()
"""The plan of each mask, and the state of the mask that it was made from; without masks made in inference mode."""


def _plan(mask: Tensor, working: torch.dtype) -> _Plan:
    """Return the plan of a mask: the one an earlier layer made, if the mask is still as it was."""
    if mask.is_inference():  # torch does not count the changes of such a tensor
        return _new_plan(mask, working)
    state = mask._version, working, QUERIES
    made_from, plan = _PLANS.get(mask, (None, None))  # type: ignore[no-untyped-call]
    if made_from != state:
        plan = _new_plan(mask, working)
        _PLANS[mask] = state, plan
    known: _Plan = plan
    return known


def _new_plan(mask: Tensor, working: torch.dtype) -> _Plan:
    # Half the lowest number instead of -inf, for the reason given in `llm_layers.attention`.
    bias = torch.zeros(mask.shape, dtype=working).masked_fill_(~mask, torch.finfo(working).min / 2)
    sees = mask.any(dim=-1, keepdim=True)
    triangle = mask.dim() == 2 and len(mask) == mask.shape[1]
    return _Plan(
        blocks=tuple(_blocks(mask)),
        bias=bias[None] if mask.dim() == 2 else bias,
        sees=None if bool(sees.all()) else sees,
        triangle=triangle and torch.equal(mask, mask.new_ones(mask.shape).tril_()),
    )


def _blocks(mask: Tensor) -> Iterator[tuple[slice, slice]]:
    queries, keys = mask.shape[-2:]
    if queries <= QUERIES:
        yield slice(0, queries), slice(0, keys)
        return
    for start in range(0, queries, QUERIES):
        rows = slice(start, min(start + QUERIES, queries))
        anybody = mask[..., rows, :].reshape(-1, keys).any(dim=0).nonzero()
        if len(anybody) == 0:
            yield rows, slice(0, keys)  # no query sees anything: `sees` makes the result zero
        else:
            yield rows, slice(int(anybody[0]), int(anybody[-1]) + 1)


def _working(x: Tensor) -> torch.dtype:
    """Return the dtype of the products: float32 for float16, whose range scores may leave, and for slow types."""
    dtype = product_dtype(x)
    return torch.float32 if dtype == torch.float16 or is_slow(x.device, dtype) else dtype


def _triangle(query: Tensor, key: Tensor, value: Tensor, leading: torch.Size) -> Tensor:
    if len(leading) == 3 and leading[2] == 1 and query.shape[:-2] == key.shape[:-2] == value.shape[:-2]:
        q, k, v = query.squeeze(2), key.squeeze(2), value.squeeze(2)  # groups of one head
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).unsqueeze(2)
    q, k, v = (
        x.expand(*leading, *x.shape[-2:]).reshape(1, leading.numel(), *x.shape[-2:]) for x in (query, key, value)
    )
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return y.reshape(*leading, *y.shape[-2:])


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor, plan: _Plan | None, keeps: bool) -> Tensor:
        working = _working(query)
        kept: list[Tensor] = []
        y = torch.empty(*query.shape[:2], value.shape[2], dtype=working)
        for heads in _heads(query, key):
            q, k, v = (x[heads].to(working) for x in (query, key, value))
            for rows, columns, bias in _parts(plan, heads, query, key):
                weights = _weights(q[:, rows], k[:, columns], bias)
                torch.bmm(weights, v[:, columns], out=y[heads, rows])
                if keeps:
                    kept.append(weights)
        if plan is not None and plan.sees is not None:
            y *= plan.sees
        context.plan = plan
        context.save_for_backward(query, key, value, *kept)
        return y.to(query.dtype)

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, *saved = context.saved_tensors
        plan, kept, working = context.plan, iter(saved), _working(query)
        if plan is not None and plan.sees is not None:
            dy = dy * plan.sees
        scale = query.shape[-1] ** -0.5
        dq, dk, dv = (torch.zeros(x.shape, dtype=working) for x in (query, key, value))
        for heads in _heads(query, key):
            q, k, v, upstream = (x[heads].to(working) for x in (query, key, value, dy))
            for rows, columns, bias in _parts(plan, heads, query, key):
                weights = next(kept) if saved else _weights(q[:, rows], k[:, columns], bias)
                dweights = upstream[:, rows] @ v[:, columns].mT
                dscores = torch.ops.aten._softmax_backward_data(dweights, weights, -1, working)
                dq[heads, rows].baddbmm_(dscores, k[:, columns], alpha=scale)
                dk[heads, columns].baddbmm_(dscores.mT, q[:, rows], alpha=scale)
                dv[heads, columns].baddbmm_(weights.mT, upstream[:, rows])
        return dq.to(query.dtype), dk.to(key.dtype), dv.to(value.dtype), None, None


def _heads(query: Tensor, key: Tensor) -> Iterator[slice]:
    """Cut the heads into groups whose scores the cache holds."""
    step = max(1, TOGETHER // max(1, min(QUERIES, query.shape[1]) * key.shape[1]))
    for start in range(0, len(query), step):
        yield slice(start, start + step)


def _parts(
    plan: _Plan | None, heads: slice, query: Tensor, key: Tensor
) -> Iterator[tuple[slice, slice, Tensor | None]]:
    """Yield the blocks, each with what is added to its scores."""
    if plan is None:
        yield slice(0, query.shape[1]), slice(0, key.shape[1]), None
        return
    bias = plan.bias if len(plan.bias) == 1 else plan.bias[heads]
    for rows, columns in plan.blocks:
        yield rows, columns, bias[:, rows, columns]


def _weights(q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
    """Compute the softmax of the scores of some queries with the keys that they see."""
    scale = q.shape[-1] ** -0.5
    scores = (q * scale) @ k.mT if bias is None else torch.baddbmm(bias, q, k.mT, alpha=scale)
    return torch.softmax(scores, dim=-1)
