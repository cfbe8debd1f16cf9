"""Scalings of the rotary frequencies in NumPy. They are settings, so they have no gradient."""

import math

import numpy as np

from llm_layers.reference.arrays import Array


def linear_scaling(frequencies: Array, factor: float) -> Array:
    """Divide every frequency by the factor."""
    return frequencies / factor


def llama3_scaling(
    frequencies: Array, factor: float, low_frequency_factor: float, high_frequency_factor: float,
    original_context: float,
) -> Array:  # fmt: skip
    """Divide the frequency of pairs with few rotations in the training length; one case after the other.

    | rotations | frequency |
    |---|---|
    | `high_frequency_factor` and more | as it was |
    | between | s · frequency + (1 - s) · frequency / factor, with s rising evenly with the rotations |
    | `low_frequency_factor` and fewer | frequency / factor |
    """
    scaled = []
    for frequency in frequencies:
        rotations = original_context / (2 * math.pi / frequency)
        if rotations >= high_frequency_factor:
            scaled.append(frequency)
        elif rotations <= low_frequency_factor:
            scaled.append(frequency / factor)
        else:
            left_alone = (rotations - low_frequency_factor) / (high_frequency_factor - low_frequency_factor)
            scaled.append(left_alone * frequency + (1 - left_alone) * frequency / factor)
    return np.array(scaled)


def yarn_scaling(
    frequencies: Array, base: float, factor: float, original_context: float, beta_fast: float, beta_slow: float
) -> Array:
    """Divide the frequencies of the slow pairs; the passage is even along the pairs.

    Where does the formula for the ends come from? Pair k rotates by base^(-2k/d) radians per position, so within the
    training length L it makes n = L · base^(-2k/d) / 2π rotations. Solved for k:

        base^(2k/d) = L / 2πn   ⇒   k = d · ln(L / 2πn) / (2 ln base)

    The fast end is rounded down and the slow end up, so that the passage covers the pairs on both sides of it.
    """
    d_head = 2 * len(frequencies)
    fast_end = d_head * math.log(original_context / (2 * math.pi * beta_fast)) / (2 * math.log(base))
    slow_end = d_head * math.log(original_context / (2 * math.pi * beta_slow)) / (2 * math.log(base))
    low, high = max(math.floor(fast_end), 0), min(math.ceil(slow_end), d_head - 1)
    scaled = []
    for pair, frequency in enumerate(frequencies):
        if pair <= low:
            scaled.append(frequency)
        elif pair >= high:
            scaled.append(frequency / factor)
        else:
            slowed = (pair - low) / (high - low)
            scaled.append((1 - slowed) * frequency + slowed * frequency / factor)
    return np.array(scaled)


def yarn_attention_factor(factor: float) -> float:
    """Compute 0.1 · ln(factor) + 1, and 1 for a factor that does not stretch."""
    return 0.1 * math.log(max(factor, 1.0)) + 1.0
