"""Scalings of rotary frequencies through torch's own kernels."""

import math
from typing import Any

import torch


def linear_scaling(frequencies: Any, factor: float) -> Any:
    return torch.div(frequencies, factor)


def llama3_scaling(
    frequencies: Any, factor: float, low_frequency_factor: float, high_frequency_factor: float, original_context: float
) -> Any:
    # By wavelengths, as the code published with Llama 3.1 has it, and all three cases at once.
    wavelength = 2 * math.pi / frequencies
    longest, shortest = original_context / low_frequency_factor, original_context / high_frequency_factor
    left_alone = (original_context / wavelength - low_frequency_factor) / (high_frequency_factor - low_frequency_factor)
    between = torch.lerp(frequencies / factor, frequencies, left_alone)
    return torch.where(
        wavelength < shortest, frequencies, torch.where(wavelength > longest, frequencies / factor, between)
    )


def yarn_scaling(
    frequencies: Any, base: float, factor: float, original_context: float, beta_fast: float, beta_slow: float
) -> Any:
    pairs, wide = len(frequencies), torch.promote_types(frequencies.dtype, torch.float32)
    rotations = torch.tensor([beta_fast, beta_slow], dtype=torch.float64)
    ends = pairs * torch.log(original_context / (2 * math.pi * rotations)) / math.log(base)
    low, high = ends[0].floor().clamp(min=0), ends[1].ceil().clamp(max=2 * pairs - 1)
    stays = 1 - ((torch.arange(pairs) - low) / (high - low).clamp(min=0.001)).clamp(0, 1)
    return torch.lerp(frequencies.to(wide) / factor, frequencies.to(wide), stays.to(wide)).to(frequencies.dtype)


def yarn_attention_factor(factor: float) -> float:
    return float(1 + 0.1 * torch.tensor(factor, dtype=torch.float64).clamp(min=1).log())
