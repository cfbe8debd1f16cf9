"""Which functions a model computes with: the ones to be read, or others that compute the same values faster."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor, nn

from llm_layers.config import FeedForward, Norm
from llm_layers.kernels.attention import attention as attention_by_blocks
from llm_layers.kernels.feed_forward import gelu_feed_forward as gelu_by_blocks
from llm_layers.kernels.feed_forward import swiglu as swiglu_with_less_kept
from llm_layers.kernels.linear import linear as widened_linear
from llm_layers.kernels.norm import layer_norm as torch_layer_norm
from llm_layers.kernels.norm import rms_norm as rms_norm_by_rows
from llm_layers.layers.attention import Attention, attention, fused_attention
from llm_layers.layers.feed_forward import (
    FeedForwardKernel,
    GeGLU,
    GeluFeedForward,
    ReluSquaredFeedForward,
    SwiGLU,
    geglu,
    gelu_feed_forward,
    relu_squared_feed_forward,
    swiglu,
)
from llm_layers.layers.linear import LinearKernel, linear
from llm_layers.layers.norm import LayerNorm, RMSNorm, layer_norm, rms_norm
from llm_layers.layers.rotary import Rotation, rotary


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """One function for each part in which the time of a model goes. A `Decoder` is given all of them at once.

    Why it works:
        Every field is a pure function with a contract of its own, so it may be replaced by anything that meets the
        contract, without changing a word of the model. `dataclasses.replace(EAGER, rms_norm=mine)` runs a whole model
        with one function of yours.

    Args:
        linear: contract `layers.linear`.
        attention: `layers.attention`. A model with `attn_logit_softcap` computes `capped_attention` whatever this is.
        rms_norm: `layers.rms_norm`.
        layer_norm: `layers.layer_norm`.
        rotary: `layers.rotary`.
        swiglu: `layers.swiglu`; each expert of a mixture too.
        geglu: `layers.geglu`.
        gelu_feed_forward: `layers.gelu_feed_forward`.
        relu_squared_feed_forward: `layers.relu_squared_feed_forward`.
    """

    linear: LinearKernel = linear
    attention: Attention = attention
    rms_norm: Callable[[Tensor, Tensor, float], Tensor] = rms_norm
    layer_norm: Callable[[Tensor, Tensor, Tensor | None, float], Tensor] = layer_norm
    rotary: Callable[[Tensor, Rotation], Tensor] = rotary
    swiglu: FeedForwardKernel = swiglu
    geglu: FeedForwardKernel = geglu
    gelu_feed_forward: FeedForwardKernel = gelu_feed_forward
    relu_squared_feed_forward: FeedForwardKernel = relu_squared_feed_forward

    def norm_of(self, kind: Norm, width: int, eps: float) -> nn.Module:
        """Make the norm of a design: "rms", "rms_unit_offset" (the stored gain counts from one) or "layer"."""
        if kind == "layer":
            return LayerNorm(width, eps, kernel=self.layer_norm)
        return RMSNorm(width, eps, offset=1.0 if kind == "rms_unit_offset" else 0.0, kernel=self.rms_norm)

    def feed_forward_of(self, kind: FeedForward, d_model: int, d_ff: int, *, bias: bool) -> nn.Module:
        """Make the feed-forward part of a design: "swiglu", "geglu", "gelu" or "relu_squared"."""
        make: dict[str, tuple[Callable[..., nn.Module], FeedForwardKernel]] = {
            "swiglu": (SwiGLU, self.swiglu),
            "geglu": (GeGLU, self.geglu),
            "gelu": (GeluFeedForward, self.gelu_feed_forward),
            "relu_squared": (ReluSquaredFeedForward, self.relu_squared_feed_forward),
        }
        module, function = make[kind]
        return module(d_model, d_ff, bias=bias, kernel=self.linear, function=function)


EAGER = Kernels()
"""The functions that are there to be read; the default, and what every other choice is measured by. `torch.compile`
joins their steps: a compiled step takes about half of the time."""
FUSED = replace(EAGER, attention=fused_attention)
"""`EAGER` with torch's attention kernel, which does not hold the scores: for long texts and on a GPU."""
FAST = replace(
    EAGER, linear=widened_linear, attention=attention_by_blocks, rms_norm=rms_norm_by_rows, layer_norm=torch_layer_norm,
    swiglu=swiglu_with_less_kept, gelu_feed_forward=gelu_by_blocks,
)  # fmt: skip
"""For training on a CPU on which `torch.compile` cannot be used: each function pays by more than 10 % on at least one
kind of processor, and its docstring says where. Gradients are written by hand: there are none of gradients."""
