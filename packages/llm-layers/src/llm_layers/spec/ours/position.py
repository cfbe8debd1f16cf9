"""Our own positions. What has no array to take its precision from is asked for float64."""

from typing import Any

import torch

import llm_layers
from llm_layers import learned_positions, rotary, rotary_interleaved

__all__ = ["inverse_frequencies", "learned_positions", "rotary", "rotary_interleaved", "sinusoidal_positions"]


def sinusoidal_positions(positions: Any, d_model: int, base: float) -> Any:
    """The waves in float64."""
    return llm_layers.sinusoidal_positions(positions, d_model, base, dtype=torch.float64)


def inverse_frequencies(d_head: int, base: float) -> Any:
    """The speeds in float64."""
    return llm_layers.inverse_frequencies(d_head, base, dtype=torch.float64)
