"""Mistakes with initial values."""

import math
from typing import Any

import torch

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.truncated_normal")


def _inside(limit: float) -> float:
    return math.erf(limit / math.sqrt(2))


def _cut(uniforms: Any, limit: float) -> Any:
    return (math.sqrt(2) * torch.erfinv((2 * uniforms - 1) * _inside(limit))).clamp(-limit, limit)


def _spread(limit: float) -> float:
    return math.sqrt(1 - limit * math.exp(-limit * limit / 2) * math.sqrt(2 / math.pi) / _inside(limit))


def _clipped(uniforms: Any, limit: float) -> Any:
    return (math.sqrt(2) * torch.erfinv(2 * uniforms - 1)).clamp(-limit, limit)


slip("clipped, not stretched", "the tails are clipped, and the variance is not corrected")(
    lambda uniforms, deviation, limit: _clipped(uniforms, limit) * deviation
)
slip("variance not corrected", "the variance lost with the tails is not made up for")(
    lambda uniforms, deviation, limit: _cut(uniforms, limit) * deviation
)
slip("divided by the variance", "divided by the variance after the cut, not by its root")(
    lambda uniforms, deviation, limit: _cut(uniforms, limit) * deviation / _spread(limit) ** 2
)
slip("correction for two fixed", "the correction is that for a limit of 2, whatever the limit")(
    lambda uniforms, deviation, limit: _cut(uniforms, limit) * deviation / _spread(2.0)
)
slip("limit of two fixed", "the normal is cut at 2, whatever the limit")(
    lambda uniforms, deviation, limit: _cut(uniforms, 2.0) * deviation / _spread(2.0)
)
slip("deviation as a variance", "the root of the deviation is taken, as if it were a variance")(
    lambda uniforms, deviation, limit: _cut(uniforms, limit) * deviation**0.5 / _spread(limit)
)


slip = SLIPS.of("layers.scaled_initialization")
slip("√layers", "divided by √layers: attention and feed-forward both write, so it is 2 · layers")(
    lambda normals, deviation, layers: normals * deviation / math.sqrt(layers)
)
slip("no root", "divided by 2 · layers instead of by its root")(
    lambda normals, deviation, layers: normals * deviation / (2 * layers)
)
slip("2 √layers", "the 2 is outside the root")(
    lambda normals, deviation, layers: normals * deviation / (2 * math.sqrt(layers))
)
slip("not scaled", "the number of layers is not used")(lambda normals, deviation, layers: normals * deviation)
slip("0.02 fixed", "the deviation is a fixed 0.02, whatever was given")(
    lambda normals, deviation, layers: normals * 0.02 / math.sqrt(2 * layers)
)
