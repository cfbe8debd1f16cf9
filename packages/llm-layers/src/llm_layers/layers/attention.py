"""Attention: every position gathers what it needs from the positions it may see."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from llm_layers.interface import LayersError
from llm_layers.layers.precision import in_one_dtype, like, wide
from llm_layers.layers.shapes import names_shapes

Attention = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""Query, key, value and mask in, gathered values out: `attention` or `fused_attention`."""


def softmax(scores: Float[Tensor, "..."], axis: int = -1) -> Float[Tensor, "..."]:
    """Convert scores into probabilities: positive weights that add up to one.

    Formula: y[i] = exp(s[i] - m) / Σ exp(s[j] - m)  with m = max(s)

    Why it works:
        The exponential makes every score positive and turns a difference of scores into a ratio of probabilities.
        Adding the same constant to all scores changes nothing, so the largest is subtracted first: the largest
        exponent is then 0 and nothing overflows, whatever the scores are.

    Args:
        scores: any shape.
        axis: the axis along which the probabilities add up to one.

    Spec: layers.softmax
    Source: Bridle 1990, "Probabilistic Interpretation of Feedforward Classification Network Outputs".
    """
    return torch.softmax(scores, dim=axis)  # torch's kernel subtracts the largest score itself


def soft_cap(scores: Float[Tensor, "..."], cap: float) -> Float[Tensor, "..."]:
    """Limit scores smoothly to the range from -cap to cap.

    Formula: y = cap · tanh(s / cap)

    Why it works:
        A score that grows without limit takes the whole softmax, and then nothing is left to learn from. For scores
        far below the cap tanh is the identity, so ordinary scores pass unchanged; large ones approach the cap and
        never reach it. Clipping would do the same to the values, but a clipped score has no gradient and cannot
        come back.

    Args:
        scores: any shape: attention scores before the mask, or logits.
        cap: the limit; must be positive.

    Raises:
        LayersError: when cap is not positive.

    Spec: layers.soft_cap
    Source: Bello et al. 2016, arXiv:1611.09940; Gemma Team 2024, "Gemma 2", arXiv:2408.00118.
    """
    if not cap > 0:
        raise LayersError(f"cap must be a positive number, but was {cap}")
    return cap * torch.tanh(scores / cap)


@names_shapes
def attention(
    query: Float[Tensor, "*#batch query_position d_head"],
    key: Float[Tensor, "*#batch key_position d_head"],
    value: Float[Tensor, "*#batch key_position d_head"],
    mask: Bool[Tensor, "*#batch query_position key_position"] | None = None,
) -> Float[Tensor, "..."]:
    """Average the values for each query, weighted by how well their keys match it.

    Formula: y = softmax(q kᵀ / √d + bias) v  with bias = 0 where the mask is True and -∞ where it is False

    Why it works:
        It is a soft dictionary. A query says what is looked for, a key says what is on offer, their dot product how
        well the two match; the softmax turns matches into attention weights, and the weights mix the values. A dot
        product of d independent numbers spreads as √d: dividing by √d keeps the scores near one, where the softmax
        still has a gradient. The mask acts before the softmax, so that hidden keys get a weight of exactly zero and
        the rest still add up to one. A query that may see nothing gets zeros.

    Args:
        query: the queries. The leading axes of all inputs broadcast against each other.
        key: the keys; so one key head can serve a group of query heads.
        value: the values, one per key.
        mask: True where a query may see a key; None when it may see all.

    Spec: layers.attention
    Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762.
    """
    q, k, v = in_one_dtype(query, key, value)
    return like(_mix(_scores(q, k), v, mask), query)


@names_shapes
def capped_attention(
    query: Float[Tensor, "*#batch query_position d_head"],
    key: Float[Tensor, "*#batch key_position d_head"],
    value: Float[Tensor, "*#batch key_position d_head"],
    mask: Bool[Tensor, "*#batch query_position key_position"] | None,
    cap: float,
) -> Float[Tensor, "..."]:
    """Attend as `attention` does, with scores limited to the range from -cap to cap.

    Formula: y = softmax(cap · tanh(q kᵀ / (√d · cap)) + bias) v  with bias = 0 where the mask is True, else -∞

    Why it works:
        With all scores within ±cap no key can win by more than exp(2 · cap), so every key that may be seen keeps a
        weight and a gradient, however long queries and keys grow. The cap comes before the mask: a hidden key's -∞
        would otherwise be raised to -cap and get a weight again.

    The first four arguments are those of `attention`; `cap` is the limit of a score, 50 in Gemma 2. To make an
    `Attention` of it, bind it: `functools.partial(capped_attention, cap=50.0)`.

    Raises:
        LayersError: when cap is not positive.

    Spec: layers.capped_attention
    Source: Gemma Team 2024, "Gemma 2", arXiv:2408.00118.
    """
    q, k, v = in_one_dtype(query, key, value)
    return like(_mix(soft_cap(_scores(q, k), cap), v, mask), query)


def _scores(
    query: Float[Tensor, "*#batch query_position d_head"], key: Float[Tensor, "*#batch key_position d_head"]
) -> Float[Tensor, "*#batch query_position key_position"]:
    """Compare every query with every key; float16 would end at scores of 65504."""
    scores: Tensor = (wide(query) * query.shape[-1] ** -0.5) @ wide(key).mT
    return scores


def _mix(
    scores: Float[Tensor, "*#batch query_position key_position"],
    value: Float[Tensor, "*#batch key_position d_head"],
    mask: Bool[Tensor, "*#batch query_position key_position"] | None,
) -> Float[Tensor, "..."]:
    """Mix the values by the softmax of the scores that the mask leaves."""
    if mask is None:
        return like(softmax(scores) @ wide(value), value)
    # Half the lowest number instead of -inf: it gives the same weights, but a row that is hidden whole stays finite
    # (softmax of nothing but -inf is 0/0). The bias is small (no heads, no batch) and adding it needs no backward pass.
    hidden = torch.finfo(scores.dtype).min / 2
    bias = torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, hidden)
    sees_something = mask.any(dim=-1, keepdim=True)
    return like((softmax(scores + bias) @ wide(value)) * sees_something, value)


@names_shapes
def fused_attention(
    query: Float[Tensor, "*#batch query_position d_head"],
    key: Float[Tensor, "*#batch key_position d_head"],
    value: Float[Tensor, "*#batch key_position d_head"],
    mask: Bool[Tensor, "*#batch query_position key_position"] | None = None,
) -> Float[Tensor, "..."]:
    """Compute `attention` through torch's fused kernel, which never holds all scores at once.

    Why it works:
        The softmax can be summed up block by block with a running maximum, so memory grows with the length, not its
        square. Use it for long texts and on a GPU. For training on a CPU with a few hundred positions `attention` is
        as fast in float32 and about twice as fast in bfloat16, which is why it is the default.

    Spec: layers.attention
    Source: Dao et al. 2022, "FlashAttention", arXiv:2205.14135.
    """
    if key.shape[-2] != value.shape[-2]:  # torch's kernel does not notice it
        positions = f"the {key.shape[-2]} positions of key, but has {value.shape[-2]}"
        raise LayersError(f"the shape of value does not fit: it must have {positions}")
    shapes = [x.shape[:-2] for x in (query, key, value, mask) if x is not None]
    leading: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]

    def flat(x: Tensor) -> Tensor:  # the kernel wants exactly four axes
        return x.expand(*leading, *x.shape[-2:]).reshape(1, leading.numel(), *x.shape[-2:])

    flat_mask = mask if mask is None or mask.dim() == 2 else flat(mask)
    q, k, v = in_one_dtype(query, key, value)
    y = F.scaled_dot_product_attention(flat(q), flat(k), flat(v), attn_mask=flat_mask)
    y = like(y.view(*leading, *y.shape[-2:]), query)
    return y if mask is None else y * mask.any(dim=-1, keepdim=True)
