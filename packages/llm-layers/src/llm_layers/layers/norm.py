"""Norms: scale every vector to a standard size."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llm_layers.layers.precision import at_least_float32, like, wide
from llm_layers.layers.shapes import names_shapes


@names_shapes
def rms_norm(
    x: Float[Tensor, "*batch d_model"], gain: Float[Tensor, " d_model"], eps: float = 1e-6
) -> Float[Tensor, "*batch d_model"]:
    """Divide each vector by its root mean square, then scale each coordinate by a learned gain.

    Formula: y = gain · x / √(mean(x²) + eps)

    Why it works:
        Every block adds its output to the stream, so the stream grows with depth, and a layer that must also guess
        how large its input is learns slowly. Dividing by the root mean square keeps the direction, which carries the
        meaning, and sets the size to √d whatever it was; gradients then have a steady size too. LayerNorm subtracts
        the mean as well; leaving that out costs nothing in quality and saves a pass. `eps` is added to the mean square,
        inside the root, so that a vector of zeros stays zero instead of becoming 0/0.

    Args:
        x: vectors along the last axis.
        gain: one factor per coordinate.
        eps: what is added to the mean square, inside the root.

    Spec: layers.rms_norm
    Source: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", arXiv:1910.07467.
    """
    # bfloat16 keeps 8 bits: a mean of squares taken in it would be off by a percent, so that one is taken in float32.
    working = at_least_float32(x.dtype)
    mean_square = x.to(working).square().mean(dim=-1, keepdim=True)
    y = wide(x)
    y = y * torch.rsqrt(mean_square + eps).to(y.dtype)
    return like(like(y, x) * gain, x)


@names_shapes
def layer_norm(
    x: Float[Tensor, "*batch d_model"],
    gain: Float[Tensor, " d_model"],
    bias: Float[Tensor, " d_model"] | None,
    eps: float = 1e-5,
) -> Float[Tensor, "*batch d_model"]:
    """Move each vector to mean 0 and variance 1, then scale and shift each coordinate as learned.

    Formula: y = gain · (x - mean(x)) / √(mean((x - mean(x))²) + eps) + bias

    Why it works:
        A weight that is trained on inputs of one mean and one size need not relearn when the layers below change
        both. Each vector is measured by its own numbers only, so the result does not depend on what else is in the
        batch, and is the same in training and at inference. The variance is that of these numbers themselves (divided
        by d): they are all there is, not a sample of something larger. Gain and bias let the model undo it where that
        helps.

    Args:
        x: vectors along the last axis.
        gain: one factor per coordinate.
        bias: one number to add per coordinate; None adds nothing.
        eps: what is added to the variance, inside the root.

    Spec: layers.layer_norm
    Source: Ba, Kiros and Hinton 2016, "Layer Normalization", arXiv:1607.06450.
    """
    # In float32 at least: in bfloat16 a mean far from zero would take away the digits that the variance is made of.
    # For the same reason the mean is subtracted before squaring; mean(x²) - mean(x)² would cancel.
    working = at_least_float32(x.dtype)
    centered = x.to(working) - x.to(working).mean(dim=-1, keepdim=True)
    variance = centered.square().mean(dim=-1, keepdim=True)
    y = (centered * torch.rsqrt(variance + eps)).to(x.dtype) * gain
    return like(y if bias is None else y + bias, x)


def query_key_norm(
    query: Float[Tensor, "*batch heads position d_head"],
    key: Float[Tensor, "*batch kv_heads position d_head"],
    query_norm: Callable[[Tensor], Tensor],
    key_norm: Callable[[Tensor], Tensor],
) -> tuple[Float[Tensor, "*batch heads position d_head"], Float[Tensor, "*batch kv_heads position d_head"]]:
    """Normalize each query and each key within its head, before they are rotated and compared.

    Formula: q' = query_norm(q), k' = key_norm(k)  with rms_norm and a gain of its own in each

    Why it works:
        A score is a dot product, |q| |k| times the cosine of their angle. Nothing holds the two lengths in check, and
        as they grow the softmax picks one position and passes no gradient: the training of deep and large models has
        broken down from it. With both lengths set, a score divided by √d_head lies between -√d_head and √d_head (times
        the gains), and what decides is the angle. Each head has its own size, so each is normalized by itself. One
        gain per coordinate serves all heads; it lets training choose how sharp attention is.

    Args:
        query: the queries, in heads.
        key: the keys, in heads.
        query_norm: the norm of a query, an `RMSNorm(d_head, …)`.
        key_norm: the norm of a key.

    Returns:
        The normalized queries and the normalized keys.

    Spec: layers.query_key_norm
    Source: Henry et al. 2020, "Query-Key Normalization for Transformers", arXiv:2010.04245; Dehghani et al. 2023,
        arXiv:2302.05442; with RMSNorm and learned gains as in Qwen3.
    """
    return query_norm(query), key_norm(key)


class RMSNorm(nn.Module):
    """Holds the gain of `rms_norm`.

    Args:
        width: length of a vector.
        eps: what is added to the mean square, inside the root.
        offset: what is added to the stored gain before it is used. Gemma's files store gain - 1 (offset 1): weight
            decay then pulls the gain toward 1, and the 8 bits of bfloat16 are finest around 1.
        kernel: what computes it.
    """

    def __init__(
        self,
        width: int,
        eps: float,
        *,
        offset: float = 0.0,
        kernel: Callable[[Tensor, Tensor, float], Tensor] = rms_norm,
    ) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((width,), 1.0 - offset))
        self.eps = eps
        self.offset = offset
        self.kernel = kernel

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Normalize along the last axis."""
        if self.offset == 0.0:
            return self.kernel(x, self.gain, self.eps)
        # A gain of 0.003 above 1 would be lost in bfloat16: sum and product are taken in float32.
        working = at_least_float32(x.dtype)
        return self.kernel(x.to(working), self.offset + self.gain.to(working), self.eps).to(x.dtype)


class LayerNorm(nn.Module):
    """Holds gain and bias of `layer_norm`.

    Args:
        width: length of a vector.
        eps: what is added to the variance, inside the root.
        bias: whether there is a bias to add.
        kernel: what computes it.
    """

    def __init__(
        self,
        width: int,
        eps: float,
        *,
        bias: bool = True,
        kernel: Callable[[Tensor, Tensor, Tensor | None, float], Tensor] = layer_norm,
    ) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None
        self.eps = eps
        self.kernel = kernel

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Normalize along the last axis."""
        return self.kernel(x, self.gain, self.bias, self.eps)
