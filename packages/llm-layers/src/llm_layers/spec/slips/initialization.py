"""Mistakes with start values."""

import math
from typing import Any

import torch

from llm_tokenizer.conformance import slip


def _inside(limit: float) -> float:
    return math.erf(limit / math.sqrt(2))


def _cut(uniforms: Any, limit: float) -> Any:
    return (math.sqrt(2) * torch.erfinv((2 * uniforms - 1) * _inside(limit))).clamp(-limit, limit)


def _spread(limit: float) -> float:
    return math.sqrt(1 - limit * math.exp(-limit * limit / 2) * math.sqrt(2 / math.pi) / _inside(limit))


@slip("layers.truncated_normal", "clipped", "the tails are clipped onto the limit instead of cut off")
def clipped(uniforms: Any, deviation: float, limit: float) -> Any:
    z = (math.sqrt(2) * torch.erfinv(2 * uniforms - 1)).clamp(-limit, limit)
    return z * deviation / _spread(limit)


@slip("layers.truncated_normal", "clipped, not stretched", "the tails are clipped, and the variance is not corrected")
def clipped_plain(uniforms: Any, deviation: float, limit: float) -> Any:
    return (math.sqrt(2) * torch.erfinv(2 * uniforms - 1)).clamp(-limit, limit) * deviation


@slip("layers.truncated_normal", "variance not corrected", "the variance lost with the tails is not made up for")
def not_stretched(uniforms: Any, deviation: float, limit: float) -> Any:
    return _cut(uniforms, limit) * deviation


@slip("layers.truncated_normal", "divided by the variance", "divided by the variance after the cut, not by its root")
def by_variance(uniforms: Any, deviation: float, limit: float) -> Any:
    return _cut(uniforms, limit) * deviation / _spread(limit) ** 2


@slip("layers.truncated_normal", "multiplied by the root", "the correction is multiplied instead of divided by")
def multiplied(uniforms: Any, deviation: float, limit: float) -> Any:
    return _cut(uniforms, limit) * deviation * _spread(limit)


@slip(
    "layers.truncated_normal", "correction for two fixed", "the correction is that for a limit of 2, whatever the limit"
)
def fixed_correction(uniforms: Any, deviation: float, limit: float) -> Any:
    return _cut(uniforms, limit) * deviation / _spread(2.0)


@slip("layers.truncated_normal", "limit of two fixed", "the normal is cut at 2, whatever the limit")
def fixed_limit(uniforms: Any, deviation: float, limit: float) -> Any:
    return _cut(uniforms, 2.0) * deviation / _spread(2.0)


@slip(
    "layers.truncated_normal",
    "limit as it is in the result",
    "limit is taken for a number of the result, not of deviations",
)
def absolute_limit(uniforms: Any, deviation: float, limit: float) -> Any:
    return _cut(uniforms, limit / deviation) * deviation / _spread(limit / deviation)


@slip("layers.truncated_normal", "even numbers", "the numbers are spread evenly between the limits: no bell at all")
def even(uniforms: Any, deviation: float, limit: float) -> Any:
    return (2 * uniforms - 1) * limit * deviation / (limit / math.sqrt(3))


@slip(
    "layers.truncated_normal", "root of two left out", "erf belongs to the normal of variance one half: √2 is missing"
)
def no_root_of_two(uniforms: Any, deviation: float, limit: float) -> Any:
    return torch.erfinv((2 * uniforms - 1) * _inside(limit)) * deviation / _spread(limit)


@slip(
    "layers.truncated_normal", "deviation as a variance", "the root of the deviation is taken, as if it were a variance"
)
def root_of_deviation(uniforms: Any, deviation: float, limit: float) -> Any:
    return _cut(uniforms, limit) * deviation**0.5 / _spread(limit)


@slip("layers.truncated_normal", "upside down", "the numbers run from the upper end to the lower")
def upside_down(uniforms: Any, deviation: float, limit: float) -> Any:
    return _cut(1 - uniforms, limit) * deviation / _spread(limit)


@slip("layers.truncated_normal", "one side only", "only the positive half of the bell is used")
def one_side(uniforms: Any, deviation: float, limit: float) -> Any:
    return _cut(0.5 + uniforms / 2, limit) * deviation / _spread(limit)


@slip(
    "layers.scaled_initialization",
    "√layers",
    "divided by √layers: attention and feed-forward both write, so it is 2 · layers",
)
def root_of_layers(normals: Any, deviation: float, layers: int) -> Any:
    return normals * deviation / math.sqrt(layers)


@slip("layers.scaled_initialization", "no root", "divided by 2 · layers instead of by its root")
def no_root(normals: Any, deviation: float, layers: int) -> Any:
    return normals * deviation / (2 * layers)


@slip("layers.scaled_initialization", "2 √layers", "the 2 stands outside the root")
def two_outside(normals: Any, deviation: float, layers: int) -> Any:
    return normals * deviation / (2 * math.sqrt(layers))


@slip("layers.scaled_initialization", "√2 layers", "the layers stand outside the root")
def layers_outside(normals: Any, deviation: float, layers: int) -> Any:
    return normals * deviation / (math.sqrt(2) * layers)


@slip("layers.scaled_initialization", "multiplied", "multiplied by the root instead of divided: the stream grows")
def multiplied_root(normals: Any, deviation: float, layers: int) -> Any:
    return normals * deviation * math.sqrt(2 * layers)


@slip("layers.scaled_initialization", "not scaled", "the number of layers is not used")
def not_scaled(normals: Any, deviation: float, layers: int) -> Any:
    return normals * deviation


@slip("layers.scaled_initialization", "deviation forgotten", "the deviation is not used")
def no_deviation(normals: Any, deviation: float, layers: int) -> Any:
    return normals / math.sqrt(2 * layers)


@slip("layers.scaled_initialization", "0.02 fixed", "the deviation is a fixed 0.02, whatever was given")
def fixed_deviation(normals: Any, deviation: float, layers: int) -> Any:
    return normals * 0.02 / math.sqrt(2 * layers)


@slip(
    "layers.scaled_initialization",
    "scaled to the sample",
    "the numbers are first set to variance one: they hold it only on average",
)
def standardised(normals: Any, deviation: float, layers: int) -> Any:
    size = normals.square().mean().sqrt() if normals.numel() else 1.0
    return normals / size * deviation / math.sqrt(2 * layers)


@slip("layers.scaled_initialization", "divided by the width", "divided by the root of the last axis as well")
def by_width(normals: Any, deviation: float, layers: int) -> Any:
    return normals * deviation / math.sqrt(2 * layers * normals.shape[-1])
