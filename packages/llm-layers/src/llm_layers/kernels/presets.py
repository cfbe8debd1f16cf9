"""Which functions a model computes with: the clear ones, or others that give the same numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from llm_layers.config import FeedForward, Norm
from llm_layers.layers.attention import Attention, attention, capped_attention, fused_attention
from llm_layers.layers.feed_forward import (
    GeGLU,
    GeluFeedForward,
    ReluSquaredFeedForward,
    SwiGLU,
)
from llm_layers.layers.linear import linear
from llm_layers.layers.linear_cross_entropy import linear_cross_entropy
from llm_layers.layers.norm import LayerNorm, RMSNorm, layer_norm, rms_norm
from llm_layers.layers.rotary import Rotation, rotary

Gated = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """One function for each part in which the time of a model goes. A `Decoder` is given all of them at once.

    Why it works:
        Every field is a pure function with a contract of its own, so what stands in it may be exchanged for anything
        that meets the contract, without a word of the model being changed. `dataclasses.replace(EAGER, rms_norm=mine)`
        runs a whole model with one function of yours.

    Args:
        linear: contract `layers.linear`.
        fused_linears: several maps of one x at once, where they are plain `Linear`; None takes one after the other.
        attention: `layers.attention`.
        capped_attention: `layers.capped_attention`, in models with `attn_logit_softcap`.
        rms_norm: `layers.rms_norm`.
        layer_norm: `layers.layer_norm`.
        rotate: turns by given angles; `layers.rotary` with the angles of the positions.
        swiglu: `layers.swiglu`.
        geglu: `layers.geglu`.
        gelu_feed_forward: `layers.gelu_feed_forward`.
        relu_squared_feed_forward: `layers.relu_squared_feed_forward`.
        linear_cross_entropy: `layers.linear_cross_entropy`: the loss of hidden states, for whoever trains the model.
    """

    linear: Callable[[Tensor, Tensor, Tensor | None], Tensor] = linear
    fused_linears: Callable[[Tensor, Sequence[Tensor], Sequence[Tensor | None]], tuple[Tensor, ...]] | None = None
    attention: Attention = attention
    capped_attention: Callable[[Tensor, Tensor, Tensor, Tensor | None, float], Tensor] = capped_attention
    rms_norm: Callable[[Tensor, Tensor, float], Tensor] = rms_norm
    layer_norm: Callable[[Tensor, Tensor, Tensor | None, float], Tensor] = layer_norm
    rotary: Callable[[Tensor, Rotation], Tensor] = rotary
    swiglu: Gated | None = None
    geglu: Gated | None = None
    gelu_feed_forward: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor] | None = None
    relu_squared_feed_forward: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    linear_cross_entropy: Callable[[Tensor, Tensor, Tensor], Tensor] = linear_cross_entropy

    def norm_of(self, kind: Norm, width: int, eps: float) -> nn.Module:
        """Give the norm of a design: "rms", "rms_unit_offset" (the stored gain counts from one) or "layer"."""
        if kind == "layer":
            return LayerNorm(width, eps, kernel=self.layer_norm)
        return RMSNorm(width, eps, offset=1.0 if kind == "rms_unit_offset" else 0.0, kernel=self.rms_norm)

    def feed_forward_of(self, kind: FeedForward, d_model: int, d_ff: int) -> nn.Module:
        """Give the feed-forward part of a design: "swiglu", "geglu", "gelu" or "relu_squared"."""
        if kind == "swiglu":
            return SwiGLU(d_model, d_ff, kernel=self.linear, fused=self.swiglu)
        if kind == "geglu":
            return GeGLU(d_model, d_ff, kernel=self.linear, fused=self.geglu)
        if kind == "gelu":
            return GeluFeedForward(d_model, d_ff, kernel=self.linear, fused=self.gelu_feed_forward)
        return ReluSquaredFeedForward(d_model, d_ff, kernel=self.linear, fused=self.relu_squared_feed_forward)


EAGER = Kernels()
"""The functions that are there to be read; the default, and what every other choice is measured by."""
FUSED = replace(EAGER, attention=fused_attention)
"""`EAGER` with torch's attention kernel, which does not hold the scores: for long texts and on a GPU."""
