"""Heads: several attentions side by side, and how they share keys and values."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from llm_layers.interface import LayersError
from llm_layers.layers.attention import Attention, attention
from llm_layers.layers.linear import linear
from llm_layers.layers.mask import causal_mask


def split_heads(
    x: Float[Tensor, "*batch position d_model"], heads: int
) -> Float[Tensor, "*batch heads position d_head"]:
    """Cut each vector into `heads` equal parts of neighboring elements and put the heads before the positions.

    Formula: y[h, p, k] = x[p, h · d_head + k]

    ```
    x, one position:  0 1 2 3 4 5      two heads:  0 1 2 | 3 4 5   (not 0 2 4 | 1 3 5)
    ```

    Why it works:
        Attention looks at two axes only, position and d_head; everything before them runs side by side. With the
        heads in front, one product serves all of them at once. The cut itself is free: which coordinates belong
        together is decided by the projection in front of it, which is learned.

    Args:
        x: vectors whose width is a multiple of `heads`.
        heads: the number of parts; at least 1.

    Raises:
        LayersError: when the width cannot be cut into so many equal parts.

    Spec: layers.split_heads
    Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762.
    """
    width = x.shape[-1]
    if heads < 1 or width % heads:
        raise LayersError(f"heads must divide the width of x, {width}, into equal parts, but was {heads}")
    return x.reshape(*x.shape[:-1], heads, width // heads).transpose(-2, -3)


def merge_heads(x: Float[Tensor, "*batch heads position d_head"]) -> Float[Tensor, "*batch position heads*d_head"]:
    """Join the heads of each position into one vector again, head after head.

    Formula: y[p, h · d_head + k] = x[h, p, k]

    Why it works:
        It undoes `split_heads`, so that the output projection finds each head's result at a place of its own. The
        heads must go back after the positions first: a reshape alone would give the right shape and mix up
        positions and heads.

    Spec: layers.merge_heads
    Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762.
    """
    return x.transpose(-2, -3).flatten(-2)


def grouped_query_attention(
    query: Float[Tensor, "*batch heads query_position d_head"],
    key: Float[Tensor, "*batch kv_heads key_position d_head"],
    value: Float[Tensor, "*batch kv_heads key_position d_head"],
    mask: Bool[Tensor, "*#batch query_position key_position"] | None = None,
    attend: Attention = attention,
) -> Float[Tensor, "*batch heads query_position d_head"]:
    """Let neighboring query heads share one key/value head.

    Formula: y[h] = attend(q[h], k[⌊h / g⌋], v[⌊h / g⌋], mask)  with g = heads / kv_heads

    ```
    query heads     0 1 2   3 4 5
    key/value head    0       1
    ```

    Why it works:
        While text is generated, every step reads the keys and values of all positions, and that reading is what takes
        the time. The heads of a group ask different questions of the same keys, so there is less to read by the size
        of the group. With kv_heads = heads it is multi-head attention, with kv_heads = 1 multi-query attention.

    Args:
        query: one query head for each question.
        key: fewer heads, a divisor of the query's.
        value: as many heads as the keys.
        mask: the same for all heads; True where a query may see a key.
        attend: what computes attention, for example `fused_attention`.

    Raises:
        LayersError: when heads is not a multiple of kv_heads.

    Spec: layers.grouped_query_attention
    Source: Ainslie et al. 2023, "GQA", arXiv:2305.13245.
    """
    heads, kv_heads = query.shape[-3], key.shape[-3]
    if kv_heads < 1 or heads % kv_heads:
        raise LayersError(f"the query heads must be a multiple of the key heads, {kv_heads}, but were {heads}")
    # *batch kv_heads group query_position d_head
    grouped = query.reshape(*query.shape[:-3], kv_heads, heads // kv_heads, *query.shape[-2:])
    # The keys get a group axis of length 1 and are broadcast along it: no copy is made.
    if mask is not None and mask.dim() > 2:
        mask = mask[..., None, None, :, :]
    return attend(grouped, key[..., None, :, :], value[..., None, :, :], mask).flatten(-4, -3)


def multi_query_attention(
    query: Float[Tensor, "*batch heads query_position d_head"],
    key: Float[Tensor, "*batch key_position d_head"],
    value: Float[Tensor, "*batch key_position d_head"],
    mask: Bool[Tensor, "*#batch query_position key_position"] | None = None,
) -> Float[Tensor, "*batch heads query_position d_head"]:
    """Let all query heads share one key head and one value head.

    Formula: y[h] = attention(q[h], k, v, mask)

    Why it works:
        The heads differ in what they ask, and that alone makes different mixtures of the same values. The cache gets
        smaller by the number of heads. It costs some quality; `grouped_query_attention` lies between the two.

    Args:
        query: one query head for each question.
        key: without an axis for heads, since there is only one.
        value: as the keys.
        mask: the same for all heads; True where a query may see a key.

    Spec: layers.multi_query_attention
    Source: Shazeer 2019, "Fast Transformer Decoding: One Write-Head is All You Need", arXiv:1911.02150.
    """
    mask = None if mask is None else mask[..., None, :, :]
    return attention(query, key[..., None, :, :], value[..., None, :, :], mask)


def multi_head_attention(
    x: Float[Tensor, "*batch position d_model"],
    query: Float[Tensor, "_ d_model"],
    key: Float[Tensor, "_ d_model"],
    value: Float[Tensor, "_ d_model"],
    output: Float[Tensor, "d_model _"],
    heads: int,
    mask: Bool[Tensor, "*#batch query_position key_position"] | None = None,
) -> Float[Tensor, "*batch position d_model"]:
    """Run `heads` attentions over the positions of x side by side, and mix their results.

    Formula: y = merge(attention(split(x queryᵀ), split(x keyᵀ), split(x valueᵀ), mask)) outputᵀ

    Why it works:
        One softmax gives one mixture, but a verb needs its subject and its object. Several narrow heads look for
        several things in the same pass and for the same work as one wide head. The output matrix then decides where
        in the stream each result is written.

    Args:
        x: the positions.
        query: weight of the queries, stored (out, in); the rows of a head are next to each other.
        key: weight of the keys.
        value: weight of the values.
        output: weight from the joined heads to d_model.
        heads: how many.
        mask: the same for all heads; True where a query may see a key.

    Raises:
        LayersError: when the weights' width cannot be cut into so many heads.

    Spec: layers.multi_head_attention
    Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762.
    """
    q, k, v = (split_heads(linear(x, weight), heads) for weight in (query, key, value))
    return linear(merge_heads(grouped_query_attention(q, k, v, mask)), output)


def cached_attention(
    query: Float[Tensor, "*batch query_position d_head"],
    key: Float[Tensor, "*batch query_position d_head"],
    value: Float[Tensor, "*batch query_position d_head"],
    positions: Int[Tensor, "query_position"],
    past_key: Float[Tensor, "*batch past_position d_head"],
    past_value: Float[Tensor, "*batch past_position d_head"],
    past_positions: Int[Tensor, "past_position"],
) -> Float[Tensor, "*batch query_position d_head"]:
    """Let new positions attend to those whose keys and values are cached, and to each other.

    Formula: y = attention(q, [past k; k], [past v; v], [past positions; positions] ≤ positions)

    Why it works:
        A position's key and value depend on nothing after it, so they are final once they are computed, and a
        later position gets the same result whether they were kept or computed again. Each key carries its position
        with it. The mask compares positions, so it stays right when the kept ones do not start at 0 or have gaps.

    Args:
        query: of the new positions.
        key: of the new positions, already rotated where positions are rotary.
        value: of the new positions.
        positions: positions of the new ones.
        past_key: the kept keys, rotated once, when they were new.
        past_value: the kept values.
        past_positions: positions of the kept ones.

    Spec: layers.cached_attention
    Source: Shazeer 2019, arXiv:1911.02150, which counts what reading the kept keys costs.
    """
    keys, values = torch.cat((past_key, key), dim=-2), torch.cat((past_value, value), dim=-2)
    return attention(query, keys, values, causal_mask(positions, torch.cat((past_positions, positions))))
