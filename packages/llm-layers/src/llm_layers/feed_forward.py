"""The feed-forward part: what each position works out by itself."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def swiglu(
    x: Float[Tensor, "*batch d_model"],
    gate: Float[Tensor, "d_ff d_model"],
    up: Float[Tensor, "d_ff d_model"],
    down: Float[Tensor, "d_model d_ff"],
) -> Float[Tensor, "*batch d_model"]:
    """Widen each vector twice, let one copy gate the other, and narrow the product again.

    Formula: y = down (silu(gate x) ⊙ up x)  with silu(a) = a / (1 + exp(-a))

    Why it works:
        Attention moves information between positions; this part works on it within one. Each hidden unit is a small
        question (`gate`) with an answer (`up`): the question decides how much of the answer passes. The product of
        two learned functions of x is what one layer with a fixed bend cannot make. SiLU bends smoothly, so a unit that
        is off still gets a gradient.

    Args:
        x: vectors along the last axis.
        gate: the questions, stored (out, in) like all weights.
        up: the answers.
        down: back to the width of the stream.

    Spec: layers.swiglu
    Source: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202.
    """
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


class SwiGLU(nn.Module):
    """Holds the three weights of `swiglu`."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=False)
        self.up = nn.Linear(d_model, d_ff, bias=False)
        self.down = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        return swiglu(x, self.gate.weight, self.up.weight, self.down.weight)
