"""Scalings of rotary speeds through torch's own kernels."""

import math
from typing import Any

import torch


def linear_scaling(speeds: Any, factor: float) -> Any:
    return torch.div(speeds, factor)


def llama3_scaling(
    speeds: Any, factor: float, low_frequency_factor: float, high_frequency_factor: float, original_context: float
) -> Any:
    # By wavelengths, as the code published with Llama 3.1 has it, and all three cases at once.
    wavelength = 2 * math.pi / speeds
    longest, shortest = original_context / low_frequency_factor, original_context / high_frequency_factor
    share = (original_context / wavelength - low_frequency_factor) / (high_frequency_factor - low_frequency_factor)
    between = torch.lerp(speeds / factor, speeds, share)
    return torch.where(wavelength < shortest, speeds, torch.where(wavelength > longest, speeds / factor, between))


def yarn_scaling(
    speeds: Any, base: float, factor: float, original_context: float, beta_fast: float, beta_slow: float
) -> Any:
    pairs, wide = len(speeds), torch.promote_types(speeds.dtype, torch.float32)
    turns = torch.tensor([beta_fast, beta_slow], dtype=torch.float64)
    ends = pairs * torch.log(original_context / (2 * math.pi * turns)) / math.log(base)
    low, high = ends[0].floor().clamp(min=0), ends[1].ceil().clamp(max=2 * pairs - 1)
    stays = 1 - ((torch.arange(pairs) - low) / (high - low).clamp(min=0.001)).clamp(0, 1)
    return torch.lerp(speeds.to(wide) / factor, speeds.to(wide), stays.to(wide)).to(speeds.dtype)


def yarn_attention_factor(factor: float) -> float:
    return float(1 + 0.1 * torch.tensor(factor, dtype=torch.float64).clamp(min=1).log())
