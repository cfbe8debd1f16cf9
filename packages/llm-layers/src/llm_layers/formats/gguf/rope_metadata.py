"""Rotary positions in GGUF: a base, a kind of scaling, and for Llama 3 a tensor of divisors.

Llama 3's scaling has no settings of its own in the format. What is stored is its result, a tensor `rope_freqs.weight`
with one number for each pair, by which the frequency of that pair is divided.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.blocks import Floats
from llm_layers.formats.gguf.settings import Settings, plain
from llm_layers.interface import LayersError
from llm_layers.layers.rotary import inverse_frequencies
from llm_layers.layers.rotary_scaling import (
    LinearScaling,
    Llama3Scaling,
    RotaryScaling,
    YarnScaling,
    yarn_attention_factor,
)

DIVISORS = "rope_freqs.weight"
ORIGINAL_CONTEXTS = tuple(1 << power for power in range(4, 24))


@dataclass(frozen=True, kw_only=True)
class DividedFrequencies:
    """A scaling that is known by its result alone: the number by which each pair's frequency is divided."""

    divisors: tuple[float, ...]
    attention_scaling: ClassVar[float] = 1.0  # attention is left as it is

    def scale(self, frequencies: Float[Tensor, " half"], base: float) -> Float[Tensor, " half"]:
        """Divide; the base does not matter."""
        return frequencies / torch.tensor(self.divisors, dtype=frequencies.dtype, device=frequencies.device)


def read_rope_metadata(
    settings: Settings, d_head: int, context_length: int, divisors: Floats | None
) -> tuple[float, RotaryScaling | None]:
    """Return the base and the scaling.

    Raises:
        LayersError: for a kind of scaling that our model cannot express.
    """
    base = settings.take("rope.freq_base", float, 10000.0)
    settings.expect("rope.dimension_count", d_head)
    settings.take("rope.scaling.finetuned", bool, False)  # how the model was trained; changes nothing
    kind = settings.take("rope.scaling.type", str, "linear")
    factor = settings.take("rope.scaling.factor", float, 1.0)
    scaling = None if factor == 1.0 else _scaling(settings, kind, factor, context_length)
    settings.take("rope.scaling.original_context_length", int, context_length)  # read by YaRN alone
    if divisors is None:
        return base, scaling
    if scaling is not None:
        raise LayersError(f"{DIVISORS} must be the only scaling, but the file holds {kind} too: run it with llama.cpp")
    if divisors.shape != (d_head // 2,) or not (np.isfinite(divisors) & (divisors > 0)).all():
        raise LayersError(
            f"{DIVISORS} must hold {d_head // 2} numbers above 0, one for each pair: convert the file again"
        )
    return base, _llama3(divisors, d_head, base)


def write_rope_metadata(config: ModelConfig) -> dict[str, Any]:
    """Return the settings that `read_rope_metadata` reads; `divisors_of` returns what goes into a tensor."""
    entries: dict[str, Any] = {"rope.dimension_count": config.d_head, "rope.freq_base": float(config.rope_base)}
    scaling = config.rope_scaling
    if isinstance(scaling, LinearScaling):
        entries |= {"rope.scaling.type": "linear", "rope.scaling.factor": float(scaling.factor)}
    if isinstance(scaling, YarnScaling):
        entries |= {
            "rope.scaling.type": "yarn",
            "rope.scaling.factor": float(scaling.factor),
            "rope.scaling.original_context_length": scaling.original_context,
            "rope.scaling.yarn_beta_fast": float(scaling.beta_fast),
            "rope.scaling.yarn_beta_slow": float(scaling.beta_slow),
        }
        if scaling.attention_factor is not None:  # the format's factor multiplies that of the paper
            entries["rope.scaling.attn_factor"] = scaling.attention_factor / yarn_attention_factor(scaling.factor)
    return entries


def divisors_of(config: ModelConfig) -> Floats | None:
    """Return the tensor of divisors for a scaling that is stored as one."""
    scaling = config.rope_scaling
    if isinstance(scaling, DividedFrequencies):
        return np.array(scaling.divisors, dtype=np.float32)
    if isinstance(scaling, Llama3Scaling):
        return _divisors(scaling, config.d_head, config.rope_base)
    return None


def _scaling(settings: Settings, kind: str, factor: float, context_length: int) -> RotaryScaling | None:
    if kind == "none":
        return None
    if kind == "linear":
        return LinearScaling(factor=factor)
    if kind != "yarn":
        raise LayersError(
            f"rope.scaling.type must be none, linear or yarn, but was {kind!r:.60}: run it with llama.cpp"
        )
    settings.expect("rope.scaling.yarn_ext_factor", 1.0)
    settings.expect("rope.scaling.yarn_attn_factor", 1.0)
    further = settings.take("rope.scaling.attn_factor", float, 1.0)
    return YarnScaling(
        factor=factor,
        original_context=settings.take("rope.scaling.original_context_length", int, context_length),
        beta_fast=settings.take("rope.scaling.yarn_beta_fast", float, 32.0),
        beta_slow=settings.take("rope.scaling.yarn_beta_slow", float, 1.0),
        attention_factor=None if further == 1.0 else plain(further * yarn_attention_factor(factor)),
    )


def _llama3(divisors: Floats, d_head: int, base: float) -> RotaryScaling | None:
    """Return the settings of Llama 3 that lead to these divisors; if there are none, the divisors."""
    factor = float(divisors.max())
    if factor == 1.0 == float(divisors.min()):
        return None
    for original in ORIGINAL_CONTEXTS:  # all models that were published have 1 and 4; what differs is the length
        scaling = Llama3Scaling(
            factor=factor, low_frequency_factor=1.0, high_frequency_factor=4.0, original_context=original
        )
        if np.allclose(_divisors(scaling, d_head, base), divisors, rtol=1e-5, atol=0.0):
            return scaling
    return DividedFrequencies(divisors=tuple(map(float, divisors)))


def _divisors(scaling: Llama3Scaling, d_head: int, base: float) -> Floats:
    frequencies = inverse_frequencies(d_head, base, dtype=torch.float32)
    divisors: Floats = (frequencies / scaling.scale(frequencies, base)).numpy()
    return divisors
