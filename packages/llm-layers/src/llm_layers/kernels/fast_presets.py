"""The parts once more, fast: same numbers, same contracts, another way there.

```py
from llm_layers import Decoder
from llm_layers.kernels.fast_presets import FAST

model = Decoder(config, kernels=FAST)
```

Read `llm_layers.layers.norm`, `.attention`, `.feed_forward` first: they say what is computed. What is here says how a
processor likes to compute it. Gradients are written by hand and can be taken once, not of gradients.

| room | how it saves time or memory |
|---|---|
| `product` | 16-bit numbers go through float32 where the processor has no instructions for them |
| `linear` | as `product`; the products themselves sum the gradients of several maps of one x |
| `norm` | a few rows at a time through all steps; one number kept per vector |
| `rotary` | the way back is a turn back: nothing kept |
| `attention` | keys that nobody sees are skipped; shares kept only while they are few |
| `feed_forward` | products and bend as one step; a sigmoid in place of a tanh |
| `head_loss` | logits in parts of one size; sums in place |
| `compilable` | plain steps for a compiler to join |
"""

from dataclasses import replace

from llm_layers.kernels import compilable
from llm_layers.kernels.attention import attention
from llm_layers.kernels.feed_forward import geglu, gelu_feed_forward, relu_squared_feed_forward, swiglu
from llm_layers.kernels.linear import fused_linears, linear
from llm_layers.kernels.linear_cross_entropy import linear_cross_entropy
from llm_layers.kernels.norm import layer_norm, rms_norm
from llm_layers.kernels.presets import EAGER, FUSED
from llm_layers.kernels.product import product
from llm_layers.kernels.rotary import rotate

FAST = replace(
    EAGER,
    linear=linear,
    fused_linears=fused_linears,
    attention=attention,
    rms_norm=rms_norm,
    layer_norm=layer_norm,
    rotary=rotate,
    swiglu=swiglu,
    geglu=geglu,
    gelu_feed_forward=gelu_feed_forward,
    relu_squared_feed_forward=relu_squared_feed_forward,
    linear_cross_entropy=linear_cross_entropy,
)
"""All of them; `capped_attention` is the clear one."""
COMPILABLE = replace(
    FUSED, fused_linears=fused_linears, geglu=compilable.geglu, gelu_feed_forward=compilable.gelu_feed_forward
)
"""`FUSED` in the steps that a compiler joins best: `Decoder(config, kernels=COMPILABLE).compile()`."""

__all__ = [
    "COMPILABLE",
    "FAST",
    "attention",
    "fused_linears",
    "geglu",
    "gelu_feed_forward",
    "layer_norm",
    "linear",
    "linear_cross_entropy",
    "product",
    "relu_squared_feed_forward",
    "rms_norm",
    "rotate",
    "swiglu",
]
