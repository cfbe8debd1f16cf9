"""The layers in plain NumPy float64: forward and hand-derived backward, each with its derivation.

Written to be read and to be right, slow on purpose. The numbers of the specification come from here. In the
derivations d⟨name⟩ is the gradient of the loss with respect to ⟨name⟩. Forward functions take complex input too
(comparisons and maxima look at the real part), so that the complex step can bear witness to the backward ones.
"""

from llm_layers.reference.attention import (
    attention,
    attention_backward,
    causal_mask,
    softmax,
    softmax_backward,
)
from llm_layers.reference.block import block, block_backward
from llm_layers.reference.embedding import embedding, embedding_backward
from llm_layers.reference.feed_forward import swiglu, swiglu_backward
from llm_layers.reference.loss import cross_entropy, cross_entropy_backward
from llm_layers.reference.norm import rms_norm, rms_norm_backward
from llm_layers.reference.position import rotary, rotary_backward

__all__ = [
    "attention", "attention_backward", "block", "block_backward", "causal_mask", "cross_entropy",
    "cross_entropy_backward", "embedding", "embedding_backward", "rms_norm", "rms_norm_backward", "rotary",
    "rotary_backward", "softmax", "softmax_backward", "swiglu", "swiglu_backward",
]  # fmt: skip
