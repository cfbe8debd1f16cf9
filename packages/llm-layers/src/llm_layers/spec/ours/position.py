"""Our own positions. What has no array to take its precision from is asked for float64."""

from typing import Any

import torch

import llm_layers
from llm_layers import learned_positions, rotary, rotary_interleaved

__all__ = ["learned_positions", "rotary", "rotary_interleaved", "rotary_speeds", "sinusoidal_positions"]


def sinusoidal_positions(positions: Any, d_model: int, base: float) -> Any:
    """The waves in float64."""
    return llm_layers.sinusoidal_positions(positions, d_model, base, dtype=torch.float64)


def rotary_speeds(d_head: int, base: float) -> Any:
    """The speeds in float64."""
    return llm_layers.rotary_speeds(d_head, base, dtype=torch.float64)
