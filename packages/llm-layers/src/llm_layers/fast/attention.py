"""Attention by blocks of queries, each with the keys that it may see and no others."""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from llm_layers.attention import fused_attention
from llm_layers.fast.product import apply, is_slow

QUERIES = 64
"""How many queries are worked on at a time: fewer skip more of the hidden keys, more make larger products."""
SCORES = 2**22
"""How many scores are kept for the way back; beyond that they are made again."""


def attention(
    query: Float[Tensor, "*#batch query_position d_head"],
    key: Float[Tensor, "*#batch key_position d_head"],
    value: Float[Tensor, "*#batch key_position d_head"],
    mask: Bool[Tensor, "*#batch query_position key_position"] | None = None,
) -> Float[Tensor, "..."]:
    """Give what `llm_layers.attention` gives, without the work on keys that nobody sees.

    Formula: y = P v with P = softmax(q kᵀ / √d + bias);
        dv = Pᵀ dy,  dS = P ⊙ (dy vᵀ - Σ (dy vᵀ) ⊙ P),  dq = dS k / √d,  dk = dSᵀ q / √d

    Why it works:
        A causal mask hides nearly half of all scores. For each block of neighbouring queries the mask says which keys
        any of them sees, and only those are multiplied: for the first block a few, for the last one all. That holds
        for a sliding window too, without a word about either. The way back needs the shares P: while they are few they
        are kept; when they would outgrow everything else they are made again from queries and keys.
        The plain causal triangle is what torch's compiled kernel is made for: where the mask is one, that is called,
        and told so, for a mask that is only a table of numbers would keep it from skipping anything. Elsewhere than on
        a CPU `fused_attention` does it.

    Args:
        query: what is looked for. The leading axes of all inputs broadcast against each other.
        key: what is on offer.
        value: what is handed out.
        mask: True where a query may see a key; None when it may see all.

    Spec: layers.attention
    Source: Vaswani et al. 2017, arXiv:1706.03762; recomputing: Dao et al. 2022, "FlashAttention", arXiv:2205.14135.
    """
    if query.device.type != "cpu":
        return fused_attention(query, key, value, mask)
    if _is_causal(mask) and not _rounds(query):
        return _triangle(query, key, value)
    leading: torch.Size = torch.broadcast_shapes(  # type: ignore[no-untyped-call]
        query.shape[:-2], key.shape[:-2], value.shape[:-2], mask.shape[:-2] if mask is not None else ()
    )

    def flat(x: Tensor) -> Tensor:
        return x.expand(*leading, *x.shape[-2:]).reshape(leading.numel(), *x.shape[-2:])

    flat_mask = mask if mask is None or mask.dim() == 2 else flat(mask)
    y: Tensor = apply(_Attention, flat(query), flat(key), flat(value), flat_mask)
    return y.view(*leading, *y.shape[-2:])


def _is_causal(mask: Tensor | None) -> bool:
    """Whether the mask is the triangle: as many queries as keys, each seeing itself and what stands before."""
    if mask is None or mask.dim() != 2 or mask.shape[0] != mask.shape[1] or len(mask) == 0:
        return False
    return torch.equal(mask, torch.ones_like(mask).tril_())


def _rounds(x: Tensor) -> bool:
    """Whether the products would be of 16-bit numbers that the processor has no instructions for."""
    if torch.is_autocast_enabled("cpu"):
        x = x.new_empty(0, dtype=torch.get_autocast_dtype("cpu"))
    return is_slow(x)


def _triangle(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    leading: torch.Size = torch.broadcast_shapes(  # type: ignore[no-untyped-call]
        query.shape[:-2], key.shape[:-2], value.shape[:-2]
    )
    # The kernel wants four axes. Two of ours, or three of which the last is a group of one, are four without a copy.
    heads = leading[:-1] if len(leading) == 3 and leading[2] == 1 else leading
    four = heads if len(heads) == 2 else torch.Size((1, leading.numel()))
    q, k, v = (x.expand(*leading, *x.shape[-2:]).reshape(*four, *x.shape[-2:]) for x in (query, key, value))
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return y.reshape(*leading, *y.shape[-2:])


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = _workable(query, key, value)
        scores = len(q) * q.shape[1] * k.shape[1]
        kept, parts = [], []
        for rows, columns in _blocks(mask, q.shape[1], k.shape[1]):
            shares = _shares(q, k, mask, rows, columns)
            parts.append(shares @ v[:, columns])
            if scores <= SCORES:
                kept.append(shares)
        y = _joined(parts)
        sees = None if mask is None else _seers(mask)
        if sees is not None:
            y *= sees
        context.save_for_backward(query, key, value, mask, sees, *kept)
        return y.to(query.dtype)

    @staticmethod
    @once_differentiable
    def backward(context: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, mask, sees, *kept = context.saved_tensors
        q, k, v, upstream = _workable(query, key, value, dy)
        if sees is not None:
            upstream = upstream * sees
        dk: Tensor | None = None
        dv: Tensor | None = None
        parts = []
        for number, (rows, columns) in enumerate(_blocks(mask, q.shape[1], k.shape[1])):
            shares = kept[number] if kept else _shares(q, k, mask, rows, columns)
            dy_part = upstream[:, rows]
            dshares = dy_part @ v[:, columns].mT
            dscores = torch.ops.aten._softmax_backward_data(dshares, shares, -1, shares.dtype)
            parts.append(dscores @ k[:, columns])
            dv = _added(dv, shares.mT, dy_part, v, columns)
            dk = _added(dk, dscores.mT, q[:, rows], k, columns)
        assert dk is not None and dv is not None, "there is at least one block"
        scale = q.shape[-1] ** -0.5
        return (*(x.to(query.dtype) for x in (_joined(parts).mul_(scale), dk.mul_(scale), dv)), None)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _added(total: Tensor | None, left: Tensor, right: Tensor, like: Tensor, columns: slice) -> Tensor:
    """Add left · right to the columns of a total, which begins with the first product."""
    if total is None:
        if columns == slice(0, like.shape[1]):
            return left @ right
        total = torch.zeros_like(like)
    total[:, columns].baddbmm_(left, right)
    return total


def _workable(*arrays: Tensor) -> tuple[Tensor, ...]:
    """In a number type with fast products."""
    return tuple(x.float() if is_slow(x) else x for x in arrays)


def _shares(q: Tensor, k: Tensor, mask: Tensor | None, rows: slice, columns: slice) -> Tensor:
    """The softmax of the scores of some queries with the keys that they see."""
    scale = q.shape[-1] ** -0.5
    if mask is None:
        scores = (q[:, rows] * scale) @ k[:, columns].mT
    else:
        seen = mask[..., rows, columns]
        # Half the lowest number instead of -inf, for the reason given in `llm_layers.attention`.
        bias = torch.zeros_like(seen, dtype=q.dtype).masked_fill_(~seen, torch.finfo(q.dtype).min / 2)
        scores = torch.baddbmm(bias, q[:, rows], k[:, columns].mT, alpha=scale)
    return torch.softmax(scores, dim=-1)


def _blocks(mask: Tensor | None, queries: int, keys: int) -> Iterator[tuple[slice, slice]]:
    """Which queries go together, and from the first to the last key that any of them sees."""
    if mask is None or queries <= QUERIES:
        yield slice(0, queries), slice(0, keys)
        return
    for start in range(0, queries, QUERIES):
        rows = slice(start, min(start + QUERIES, queries))
        anybody = mask[..., rows, :].reshape(-1, keys).any(dim=0).nonzero()
        if len(anybody) == 0:
            yield rows, slice(0, keys)  # nobody sees anything: the result is zeroed by `_seers`
        else:
            yield rows, slice(int(anybody[0]), int(anybody[-1]) + 1)


def _seers(mask: Tensor) -> Tensor | None:
    """1 for each query that sees something, 0 for the others; None when all do."""
    sees = mask.any(dim=-1, keepdim=True)
    return None if bool(sees.all()) else sees
