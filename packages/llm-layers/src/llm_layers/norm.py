"""RMSNorm: the length of a vector set to one standard size."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def rms_norm(
    x: Float[Tensor, "*batch d_model"], gain: Float[Tensor, " d_model"], eps: float = 1e-6
) -> Float[Tensor, "*batch d_model"]:
    """Divide each vector by its root mean square, then scale each coordinate by a learned gain.

    Formula: y = gain · x / √(mean(x²) + eps)

    Why it works:
        Every block adds its output to the stream, so the stream grows with depth, and a layer that must also guess
        how large its input is learns slowly. Dividing by the root mean square keeps the direction, which carries the
        meaning, and sets the size to √d whatever it was; gradients then have a steady size too. LayerNorm subtracts
        the mean as well; leaving that out costs nothing in quality and saves a pass. `eps` stands inside the root: it
        is a floor for the mean square, so that a vector of zeros stays zero instead of becoming 0/0.

    Args:
        x: vectors along the last axis.
        gain: one factor per coordinate.
        eps: floor of the mean square.

    Spec: layers.rms_norm
    Source: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", arXiv:1910.07467.
    """
    # bfloat16 keeps 8 bits: a mean of squares taken in it would be off by a percent, so that one is taken in float32.
    working = torch.promote_types(x.dtype, torch.float32)
    mean_square = x.to(working).square().mean(dim=-1, keepdim=True)
    return x * torch.rsqrt(mean_square + eps).to(x.dtype) * gain


class RMSNorm(nn.Module):
    """Holds the gain of `rms_norm`."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Normalise along the last axis."""
        return rms_norm(x, self.gain, self.eps)
