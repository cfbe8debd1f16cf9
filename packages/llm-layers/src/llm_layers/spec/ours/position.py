"""The contracts hand over positions; our rotary functions take their angles. Without an array, float64 is asked for."""

from typing import Any

import torch
from torch import Tensor

import llm_layers
from llm_layers import learned_positions
from llm_layers.layers.rotary import rotary_angles

__all__ = ["inverse_frequencies", "learned_positions", "rotary", "rotary_interleaved", "sinusoidal_positions"]


def rotary(x: Tensor, positions: Tensor, base: float) -> Tensor:
    """Run `rotary` with the angles of the positions."""
    return llm_layers.rotary(x, rotary_angles(positions, x.shape[-1], base, x.dtype))


def rotary_interleaved(x: Tensor, positions: Tensor, base: float) -> Tensor:
    """Run `rotary_interleaved` with the angles of the positions."""
    return llm_layers.rotary_interleaved(x, rotary_angles(positions, x.shape[-1], base, x.dtype))


def sinusoidal_positions(positions: Any, d_model: int, base: float) -> Any:
    """Compute the waves in float64."""
    return llm_layers.sinusoidal_positions(positions, d_model, base, dtype=torch.float64)


def inverse_frequencies(d_head: int, base: float) -> Any:
    """Compute the frequencies in float64."""
    return llm_layers.inverse_frequencies(d_head, base, dtype=torch.float64)
