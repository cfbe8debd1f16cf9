"""Where the norm goes: three ways to add a part to the residual stream.

Each takes the stream x, a norm, and the part: attention, or the feed-forward part.
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from llm_layers.layers.precision import like, wide

Part = Callable[[Tensor], Tensor]
"""What is added to the stream, attention or the feed-forward part; or a norm: vectors in, vectors out."""


def pre_norm(x: Float[Tensor, "*batch d_model"], norm: Part, part: Part) -> Float[Tensor, "*batch d_model"]:
    """Normalize what the part reads; add what it writes to the untouched stream.

    Formula: y = x + part(norm(x))

    Why it works:
        The stream itself is never divided, so the gradient reaches the lowest block as it left the head, plus
        corrections: deep models train without a long warm-up. The price: the stream grows from block to block, so the
        same step of a late block weighs less, and nothing bounds what a part may write.

    Spec: layers.pre_norm
    Source: Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture", arXiv:2002.04745.
    """
    return x + part(norm(x))


def post_norm(x: Float[Tensor, "*batch d_model"], norm: Part, part: Part) -> Float[Tensor, "*batch d_model"]:
    """Add what the part writes, then normalize the sum: the stream has the same size after every part.

    Formula: y = norm(x + part(x))

    Why it works:
        Every block hands on vectors of one size, so a late block counts as much as an early one; where such models
        train, they are good. The price: the gradient passes through every norm on its way down and is changed by each,
        so that deep stacks need a careful warm-up or do not train at all.

    Spec: layers.post_norm
    Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762 (there with LayerNorm).
    """
    return like(norm(wide(x) + wide(part(x))), x)


def branch_norm(x: Float[Tensor, "*batch d_model"], norm: Part, part: Part) -> Float[Tensor, "*batch d_model"]:
    """Normalize what the part writes, just before it is added.

    Formula: y = x + norm(part(x))

    Why it works:
        The stream stays untouched, as with pre-norm, and every part adds a vector of a size that its gain sets: no
        part can throw the stream off with one huge output. OLMo 2 chose it, together with query and key norms, for a
        steadier training. With a gain of zero the part adds nothing.

    Spec: layers.branch_norm
    Source: Team OLMo 2024, "2 OLMo 2 Furious", arXiv:2501.00656; Liu et al. 2021, "Swin Transformer V2",
        arXiv:2111.09883.
    """
    return x + norm(part(x))
