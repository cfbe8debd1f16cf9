"""Attention from its three products to what the heads bring, with every habit a setting that can be got wrong."""

from dataclasses import dataclass

import torch
from torch import Tensor

from llm_layers.inspection.causes.guess import Scene
from llm_layers.layers.attention import soft_cap
from llm_layers.layers.mask import causal_mask, sliding_window_mask
from llm_layers.layers.rotary import rotary_angles
from llm_layers.layers.rotary_scaling import RotaryScaling


@dataclass(frozen=True, kw_only=True)
class AttentionCore:
    """One block's attention in the settings of A; `dataclasses.replace` makes the variants.

    Args:
        query: out of the query weight, [batch, position, heads · d_head].
        key: out of the key weight.
        value: out of the value weight.
        query_gain: of the norm of the queries; None where there is none.
        key_gain: of the norm of the keys.
        eps: of both norms.
        wide: whether they reach over all heads.
        d_head: width of a head.
        kv_heads: number of key heads.
        base: rotary base; None where nothing is turned.
        scaling: how the rotary speeds are stretched.
        visible: who may see whom, [query, key].
        scale: what the scores are multiplied with.
        cap: the limit of a score.
        interleaved: whether rotary partners stand side by side.
        backwards: whether the angles have the other sign.
        query_shift: what is added to the positions of the queries.
        key_shift: what is added to those of the keys.
        values_turned: whether the values are turned too.
        norm_after: whether the norms come after the turning.
        tiled: whether key head k serves the query heads k, k + kv_heads, … and not a group of neighbours.
        split_by_number: whether a head's numbers are every heads-th one.
        exchanged: whether queries and keys have changed places.
        over_queries: whether the shares of a key, not of a query, add up to one.
        heads_not_moved: whether the heads are laid side by side without being moved behind the positions.
        mask_late: whether the mask strikes out shares and not scores, so that they no longer add up to one.
        shares_type: to which type the shares are rounded before they weigh the values.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    query_gain: Tensor | None
    key_gain: Tensor | None
    eps: float
    wide: bool
    d_head: int
    kv_heads: int
    base: float | None
    scaling: RotaryScaling | None
    visible: Tensor
    scale: float
    cap: float | None
    interleaved: bool = False
    backwards: bool = False
    query_shift: int = 0
    key_shift: int = 0
    values_turned: bool = False
    norm_after: bool = False
    tiled: bool = False
    split_by_number: bool = False
    exchanged: bool = False
    over_queries: bool = False
    heads_not_moved: bool = False
    mask_late: bool = False
    shares_type: torch.dtype | None = None

    def points(self) -> dict[str, Tensor]:
        """Give the tensors on the way, under the names of the points of a block's attention."""
        found: dict[str, Tensor] = {}
        query, key = self._prepared(self.query, self.query_gain), self._prepared(self.key, self.key_gain)
        value = self._split(self.value)
        if not self.norm_after:
            found |= {"query_norm": query, "key_norm": key}
        query, key = self._turned(query, self.query_shift), self._turned(key, self.key_shift)
        if self.values_turned:
            value = self._turned(value, self.key_shift)
        if self.norm_after:
            query, key = _normed(query, self.query_gain, self.eps), _normed(key, self.key_gain, self.eps)
        if self.exchanged:
            query, key = key, query
        stretch = self.scale * self.d_head**0.5
        found |= {"turned_query": query * stretch, "turned_key": key, "visible": self.visible[None].float()}
        heads = self.query.shape[-1] // self.d_head
        key, value = self._shared_out(key, heads), self._shared_out(value, heads)
        scores = self._shared_out(query, heads) * self.scale @ key.mT
        scores = scores if self.cap is None else soft_cap(scores, self.cap)
        nothing = torch.finfo(scores.dtype).min / 2
        hidden = scores if self.mask_late else scores.masked_fill(~self.visible, nothing)
        shares = torch.softmax(hidden, dim=-2 if self.over_queries else -1)
        shares = shares.masked_fill(~self.visible, 0.0)
        weights = shares if self.shares_type is None else shares.to(self.shares_type).to(shares.dtype)
        gathered = weights @ value
        merged = gathered if self.heads_not_moved else gathered.transpose(1, 2)
        found |= {"scores": scores.masked_fill(~self.visible, 0.0) if not self.mask_late else scores, "shares": shares}
        return found | {"gathered": merged.reshape(self.query.shape)}

    def _split(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        if self.split_by_number:
            return x.reshape(batch, length, self.d_head, width // self.d_head).permute(0, 3, 1, 2)
        return x.reshape(batch, length, width // self.d_head, self.d_head).transpose(1, 2)

    def _prepared(self, x: Tensor, gain: Tensor | None) -> Tensor:
        if gain is None or self.norm_after:
            return self._split(x)
        return self._split(_normed(x, gain, self.eps)) if self.wide else _normed(self._split(x), gain, self.eps)

    def _turned(self, x: Tensor, shift: int) -> Tensor:
        if self.base is None:
            return x
        positions = torch.arange(x.shape[2], device=x.device) + shift
        cosine, sine = rotary_angles(positions, self.d_head, self.base, x.dtype, self.scaling)
        sine = -sine if self.backwards else sine
        if self.interleaved:
            even, odd = x[..., ::2], x[..., 1::2]
            return torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), dim=-1).flatten(-2)
        first, second = x.chunk(2, dim=-1)
        return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)

    def _shared_out(self, x: Tensor, heads: int) -> Tensor:
        group = heads // x.shape[1]
        return x.repeat(1, group, 1, 1) if self.tiled else x.repeat_interleave(group, dim=1)


def _normed(x: Tensor, gain: Tensor | None, eps: float) -> Tensor:
    return x if gain is None else x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * gain


def core_of(scene: Scene) -> AttentionCore | None:
    """Read a block's attention off the recording of A."""
    config = scene.config
    query, key, value = (scene.value(f"attention.{part}") for part in ("query", "key", "value"))
    if query is None or key is None or value is None or scene.layer is None:
        return None
    offset = 1.0 if config.design.norm == "rms_unit_offset" else 0.0
    gains = [scene.weight(f"attention.{part}.gain") for part in ("query_norm", "key_norm")]
    window = config.window_of(scene.layer)
    local = window is not None and config.local_rope_base is not None
    positions = torch.arange(query.shape[1], device=query.device)
    return AttentionCore(
        query=query,
        key=key,
        value=value,
        query_gain=None if gains[0] is None else gains[0] + offset,
        key_gain=None if gains[1] is None else gains[1] + offset,
        eps=config.norm_eps,
        wide=config.design.query_key_norm == "width",
        d_head=config.d_head,
        kv_heads=config.kv_heads,
        base=None if config.design.positions == "learned" else config.local_rope_base if local else config.rope_base,
        scaling=None if local else config.rope_scaling,
        visible=causal_mask(positions, positions)
        if window is None
        else sliding_window_mask(positions, positions, window),
        scale=(config.query_pre_attn_scalar or config.d_head) ** -0.5,
        cap=config.attn_logit_softcap,
    )
