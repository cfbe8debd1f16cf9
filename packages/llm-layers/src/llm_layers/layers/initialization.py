"""Initialization: the weights with which training begins."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llm_layers.interface import LayersError
from llm_layers.layers.precision import at_least_float32

OUTPUT_PROJECTIONS = ("attention.output.weight", "feed_forward.down.weight", "feed_forward.down")
"""Ends of the names of the weights that write to the residual stream."""
TABLES = ("embedding.table", "positions.table")
ZERO = (*OUTPUT_PROJECTIONS, "head.weight")


def initialize(model: nn.Module, generator: torch.Generator | None = None) -> None:
    """Fill a `Decoder`'s weights with initial values.

    | weight | initial value |
    |---|---|
    | norm gains | 1; 0 where the stored gain counts from one |
    | biases | 0 |
    | query, key, value, gate, up | truncated normal, standard deviation 1/√(inputs) |
    | attention output, feed-forward down | 0 |
    | embedding, learned positions | normal, standard deviation 1; both 1/d_model where the embedding is the head too |
    | head | 0 |

    Why it works:
        With 1/√(inputs) a vector of size one stays of size one through every matrix. With zero at the end of each
        branch every block starts as the identity, so the stream at the head is the embedding and the gradient reaches
        all blocks unweakened. With logits that are zero (nearly zero when tied) the first loss is ln(vocab), the loss
        of an even guess: no steps are lost on unlearning a random opinion.

    Args:
        model: a `Decoder`; weights on the meta device are left as they are.
        generator: source of randomness; None takes torch's global one.

    Source: Zhang et al. 2019, "Fixup Initialization", arXiv:1901.09321; Bachlechner et al. 2020, arXiv:2003.04887.
    """
    tied = getattr(model, "head", None) is None

    def fill(name: str, weight: Tensor) -> None:
        if name.endswith(ZERO):
            weight.zero_()
        elif name in TABLES:
            weight.normal_(0, 1 / weight.shape[1] if tied else 1, generator=generator)
        else:  # the last axis is the inputs, of (out, in) and of (experts, out, in)
            _fill_truncated(weight, weight.shape[-1] ** -0.5, generator)

    _fill(model, fill)


def initialize_normal(model: nn.Module, deviation: float = 0.02, generator: torch.Generator | None = None) -> None:
    """Fill all tables and matrices of a `Decoder` from one normal distribution, whatever their shape.

    The plainest choice, for comparison: the size of an output then depends on the width of its input, and the
    stream grows with every block.
    """
    _fill(model, lambda name, weight: weight.normal_(0, deviation, generator=generator))


def initialize_gpt2(model: nn.Module, generator: torch.Generator | None = None) -> None:
    """Fill a `Decoder` as GPT-2 was: deviation 0.02, and the output projections divided by √(2 · layers).

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
    """
    layers = sum(name.endswith("attention.output.weight") for name, _ in model.named_parameters())

    def fill(name: str, weight: Tensor) -> None:
        weight.normal_(0, 1, generator=generator)
        weight.copy_(
            scaled_initialization(weight, 0.02, layers) if name.endswith(OUTPUT_PROJECTIONS) else 0.02 * weight
        )

    _fill(model, fill)


def initialize_truncated(model: nn.Module, generator: torch.Generator | None = None) -> None:
    """Fill matrices from a truncated normal of deviation 1/√(inputs), and tables from one of deviation 1.

    Unlike `initialize` it leaves no part silent at the first step: the outputs of attention and feed-forward and the
    head are not zero.
    """

    def fill(name: str, weight: Tensor) -> None:
        _fill_truncated(weight, 1.0 if name in TABLES else weight.shape[-1] ** -0.5, generator)

    _fill(model, fill)


def truncated_normal(
    uniforms: Float[Tensor, "*batch"], deviation: float, limit: float = 3.0
) -> Float[Tensor, "*batch"]:
    """Convert uniform values from 0 to 1 into normal ones, cut at a limit, with exactly the given deviation.

    Formula: y = deviation / √v · Φ⁻¹(Φ(-L) + u (Φ(L) - Φ(-L)))  with v = 1 - 2 L φ(L) / (Φ(L) - Φ(-L))

    Why it works:
        A normal number now and then lies far out, and one weight of six deviations dominates its row for a long time.
        So the tails are cut off. Clipping would pile them up on the limit; the inverse distribution function spreads
        the same uniform numbers over what is left, with the bell's shape in between. What is left varies less than the
        whole: at L = 2 a fifth of the variance is gone. So everything is stretched by the root of it, or the whole
        network would start too small.

    Args:
        uniforms: numbers from 0 to 1, for instance from `torch.rand`.
        deviation: the standard deviation of the result.
        limit: where the normal is cut, counted in its own deviations, before it is stretched.

    Raises:
        LayersError: when deviation is negative or limit not above 0.

    Spec: layers.truncated_normal
    Source: Robert 1995, "Simulation of truncated normal variables", arXiv:0907.4010.
    """
    if not deviation >= 0 or not limit > 0:
        raise LayersError(f"deviation must not be negative and limit be above 0, but were {deviation!r} and {limit!r}")
    working = uniforms.to(at_least_float32(uniforms.dtype))
    inside = math.erf(limit / math.sqrt(2))  # Φ(L) - Φ(-L); with erf, Φ⁻¹ needs no small difference of large numbers
    variance = 1 - limit * math.exp(-limit * limit / 2) * math.sqrt(2 / math.pi) / inside
    z = math.sqrt(2) * torch.erfinv((2 * working - 1) * inside)
    # Rounding may carry the very ends a little too far, or to infinity.
    return (z.clamp(-limit, limit) * (deviation / math.sqrt(variance))).to(uniforms.dtype)


def scaled_initialization(normals: Float[Tensor, "*batch"], deviation: float, layers: int) -> Float[Tensor, "*batch"]:
    """Scale the initial values of a matrix that writes to the residual stream: the more blocks, the smaller.

    Formula: y = deviation / √(2 · layers) · z

    Why it works:
        Every block adds to the stream twice, once from attention and once from the feed-forward part. Variances of
        independent things add up, so 2 · layers parts of equal size make a stream of 2 · layers times their variance:
        deep models would start with a stream in which the embedding is hardly to be found. With each part divided by
        the root of their number, the sum is as large as a single one, however deep the model.

    Args:
        normals: standard normal values.
        deviation: standard deviation of a matrix that does not write to the stream.
        layers: how many blocks the model has.

    Raises:
        LayersError: when layers is less than 1.

    Spec: layers.scaled_initialization
    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2).
    """
    if layers < 1:
        raise LayersError(f"layers must be at least 1, but was {layers!r}")
    return normals * (deviation / math.sqrt(2 * layers))


def _fill_truncated(weight: Tensor, deviation: float, generator: torch.Generator | None) -> None:
    uniforms = torch.rand(weight.shape, generator=generator, device=weight.device)
    weight.copy_(truncated_normal(uniforms, deviation))


def _fill(model: nn.Module, fill: Callable[[str, Tensor], object]) -> None:
    """Fill every table and matrix; gains start neutral and biases at zero."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.is_meta:
                continue
            if name.endswith("gain"):
                norm = model.get_submodule(name.rpartition(".")[0])
                weight.fill_(1.0 - getattr(norm, "offset", 0.0))
            elif name.endswith(".bias"):
                weight.zero_()
            else:
                fill(name, weight)
