"""RoPE scaling: lower frequencies for longer contexts."""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from llm_layers.interface import LayersError


@runtime_checkable
class RotaryScaling(Protocol):
    """What `rotary_angles` needs of a scaling; your own class works too."""

    @property
    def attention_scaling(self) -> float:
        """A factor on cosine and sine, and so, squared, on the scores of attention."""
        ...

    def scale(self, frequencies: Float[Tensor, " half"], base: float) -> Float[Tensor, " half"]:
        """Return the frequencies that take the place of the plain ones."""
        ...


def linear_scaling(frequencies: Float[Tensor, " half"], factor: float) -> Float[Tensor, " half"]:
    """Divide every frequency by the same factor.

    Formula: y = frequency / factor

    Why it works:
        A model has only met the angles of its training length. With every frequency divided by 4, position 4000 has
        the angles that position 1000 had: all are known ones again. The price is sharpness: neighbors are four times
        nearer together than the model has learned to read, so some further training is needed. Dividing the positions
        is the same thing; doing both is a mistake.

    Args:
        frequencies: radians per position.
        factor: how many times longer the texts become.

    Spec: layers.linear_scaling
    Source: Chen et al. 2023, "Extending Context Window of Large Language Models via Positional Interpolation",
        arXiv:2306.15595.
    """
    return frequencies / factor


def llama3_scaling(
    frequencies: Float[Tensor, " half"],
    factor: float,
    low_frequency_factor: float,
    high_frequency_factor: float,
    original_context: int,
) -> Float[Tensor, " half"]:
    """Lower the frequencies that make no full rotation within the training length, and leave those that make many.

    Formula: y = (s + (1 - s) / factor) · frequency
        with s = clamp((rotations - low) / (high - low), 0, 1)  and rotations = original_context · frequency / 2π

    Why it works:
        A hand of a clock that came round many times in training has shown all its angles: longer texts bring it
        nothing new, and slowing it would only blur neighbors. A hand that did not come round once would reach angles
        that the model never saw: it is slowed by the whole factor. Between `low` and `high` rotations the mix passes
        evenly from one to the other, so that no two hands change their order.

    Args:
        frequencies: radians per position.
        factor: how many times longer the texts become.
        low_frequency_factor: up to this many rotations within the training length a frequency is divided by the factor.
        high_frequency_factor: from this many rotations on it is left alone.
        original_context: the training length, in positions.

    Spec: layers.llama3_scaling
    Source: Grattafiori et al. 2024, "The Llama 3 Herd of Models", arXiv:2407.21783; the values as in the code that
        was published with Llama 3.1.
    """
    # By the wavelength, as transformers has it, to the last bit: at position 100 000 that bit can be read in a logit.
    rotations = original_context / (2 * math.pi / frequencies)
    left_alone = ((rotations - low_frequency_factor) / (high_frequency_factor - low_frequency_factor)).clamp(0, 1)
    return (1 - left_alone) * frequencies / factor + left_alone * frequencies


def yarn_scaling(
    frequencies: Float[Tensor, " half"],
    base: float,
    factor: float,
    original_context: int,
    beta_fast: float = 32.0,
    beta_slow: float = 1.0,
) -> Float[Tensor, " half"]:
    """Lower the low frequencies and leave the high ones, with an even transition along the pairs.

    Formula: y[k] = (1 - r[k]) · frequency[k] + r[k] · frequency[k] / factor
        with r[k] = clamp((k - low) / (high - low), 0, 1)
        low = ⌊pair(beta_fast)⌋, at least 0;  high = ⌈pair(beta_slow)⌉, at most d - 1
        pair(n) = d · ln(original_context / 2πn) / (2 ln base): the pair that makes n rotations in the training length

    Why it works:
        As in `llama3_scaling`: hands that came round often in training have shown all their angles and stay sharp,
        those that never came round are slowed by the whole factor. Here the transition between the two is even along
        the index of the pair, that is along the logarithm of the frequency. YaRN's second half is its attention
        factor (`yarn_attention_factor`).

    Args:
        frequencies: radians per position, d/2 of them.
        base: the base that the frequencies come from.
        factor: how many times longer the texts become.
        original_context: the training length, in positions.
        beta_fast: a pair with this many rotations within the training length, and any faster one, is left alone.
        beta_slow: a pair with this many rotations, and any slower one, is divided by the factor.

    Raises:
        LayersError: for a training length in which all pairs are too fast or all too slow for a transition.

    Spec: layers.yarn_scaling
    Source: Peng et al. 2023, "YaRN: Efficient Context Window Extension of Large Language Models", arXiv:2309.00071.
    """
    d_head = 2 * len(frequencies)

    def pair_with(rotations: float) -> float:
        return d_head * math.log(original_context / (rotations * 2 * math.pi)) / (2 * math.log(base))

    low, high = max(math.floor(pair_with(beta_fast)), 0), min(math.ceil(pair_with(beta_slow)), d_head - 1)
    if high < low:
        raise LayersError(
            f"original_context must be a length in which some of the {len(frequencies)} pairs make between "
            f"{beta_slow} and {beta_fast} rotations, but was {original_context} with base {base}"
        )
    # Where both ends fall on one pair there is no transition: that pair is left alone and the next one is slowed.
    width = high - low if high != low else 0.001
    pair = torch.arange(len(frequencies), device=frequencies.device).to(frequencies.dtype)
    left_alone = 1 - ((pair - low) / width).clamp(0, 1)
    return frequencies / factor * (1 - left_alone) + frequencies * left_alone


def yarn_attention_factor(factor: float) -> float:
    """Compute YaRN's factor on cosine and sine: 0.1 · ln(factor) + 1.

    Formula: attention_factor = 0.1 · ln(factor) + 1, and 1 for a factor that does not stretch

    Why it works:
        In a longer text more positions compete for attention, and it becomes flatter. The scores, which this factor
        enters twice (by the query and by the key), are enlarged to make up for it. The value is the paper's, found
        by fitting.

    Spec: layers.yarn_attention_factor
    Source: Peng et al. 2023, "YaRN", arXiv:2309.00071.
    """
    return 1.0 if factor <= 1.0 else 0.1 * math.log(factor) + 1.0


@dataclass(frozen=True, kw_only=True)
class LinearScaling:
    """The settings of `linear_scaling`.

    Raises:
        LayersError: naming the setting, what it must be and what it was.
    """

    factor: float
    attention_scaling: ClassVar[float] = 1.0  # attention is left as it is

    def __post_init__(self) -> None:
        _above_zero(self, "factor")

    def scale(self, frequencies: Float[Tensor, " half"], base: float) -> Float[Tensor, " half"]:
        """Apply `linear_scaling`; the base does not matter."""
        return linear_scaling(frequencies, self.factor)


@dataclass(frozen=True, kw_only=True)
class Llama3Scaling:
    """The settings of `llama3_scaling`; a wrong one raises the same error as in `LinearScaling`."""

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_context: int
    attention_scaling: ClassVar[float] = 1.0  # attention is left as it is

    def __post_init__(self) -> None:
        _above_zero(self, "factor", "low_frequency_factor", "high_frequency_factor", "original_context")
        if self.high_frequency_factor <= self.low_frequency_factor:
            raise LayersError(
                f"high_frequency_factor must be greater than low_frequency_factor, {self.low_frequency_factor}, "
                f"but was {self.high_frequency_factor}"
            )

    def scale(self, frequencies: Float[Tensor, " half"], base: float) -> Float[Tensor, " half"]:
        """Apply `llama3_scaling`; the base does not matter."""
        return llama3_scaling(
            frequencies, self.factor, self.low_frequency_factor, self.high_frequency_factor, self.original_context
        )


@dataclass(frozen=True, kw_only=True)
class YarnScaling:
    """The settings of `yarn_scaling` and, where `attention_factor` is None, `yarn_attention_factor`.

    A wrong one raises the same error as in `LinearScaling`.
    """

    factor: float
    original_context: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None

    def __post_init__(self) -> None:
        _above_zero(self, "factor", "original_context", "beta_fast", "beta_slow")
        if self.beta_fast <= self.beta_slow:
            raise LayersError(
                f"beta_fast must be greater than beta_slow, {self.beta_slow}, but was {self.beta_fast}: "
                "it counts the rotations of the fast pairs"
            )
        if self.attention_factor is not None:
            _above_zero(self, "attention_factor")

    @property
    def attention_scaling(self) -> float:
        """The attention factor that was given, or the paper's."""
        return yarn_attention_factor(self.factor) if self.attention_factor is None else self.attention_factor

    def scale(self, frequencies: Float[Tensor, " half"], base: float) -> Float[Tensor, " half"]:
        """Apply `yarn_scaling`."""
        return yarn_scaling(frequencies, base, self.factor, self.original_context, self.beta_fast, self.beta_slow)


def _above_zero(scaling: object, *names: str) -> None:
    for name in names:
        value = getattr(scaling, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise LayersError(f"{name} of {type(scaling).__name__} must be a number above 0, but was {value!r}")
