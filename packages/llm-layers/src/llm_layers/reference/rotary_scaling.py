"""Scalings of the rotary speeds in NumPy. They are settings: nothing learns through them, so there is no gradient."""

import math

import numpy as np

from llm_layers.reference.arrays import Array


def linear_scaling(speeds: Array, factor: float) -> Array:
    """Divide every speed by the factor."""
    return speeds / factor


def llama3_scaling(
    speeds: Array, factor: float, low_frequency_factor: float, high_frequency_factor: float, original_context: float
) -> Array:
    """Divide the speed of hands with few turns in the training length; one case after the other.

    | turns | speed |
    |---|---|
    | `high_frequency_factor` and more | as it was |
    | between | share · speed + (1 - share) · speed / factor, the share rising evenly with the turns |
    | `low_frequency_factor` and fewer | speed / factor |
    """
    scaled = []
    for speed in speeds:
        turns = original_context / (2 * math.pi / speed)
        if turns >= high_frequency_factor:
            scaled.append(speed)
        elif turns <= low_frequency_factor:
            scaled.append(speed / factor)
        else:
            share = (turns - low_frequency_factor) / (high_frequency_factor - low_frequency_factor)
            scaled.append(share * speed + (1 - share) * speed / factor)
    return np.array(scaled)


def yarn_scaling(
    speeds: Array, base: float, factor: float, original_context: float, beta_fast: float, beta_slow: float
) -> Array:
    """Divide the speeds of the slow pairs; the passage is even along the pairs.

    Where does the formula for the ends come from? Pair k turns base^(-2k/d) radians per position, so within the
    training length L it makes n = L · base^(-2k/d) / 2π turns. Solved for k:

        base^(2k/d) = L / 2πn   ⇒   k = d · ln(L / 2πn) / (2 ln base)

    The fast end is rounded down and the slow end up, so that the passage covers the pairs on both sides of it.
    """
    d_head = 2 * len(speeds)
    fast_end = d_head * math.log(original_context / (2 * math.pi * beta_fast)) / (2 * math.log(base))
    slow_end = d_head * math.log(original_context / (2 * math.pi * beta_slow)) / (2 * math.log(base))
    low, high = max(math.floor(fast_end), 0), min(math.ceil(slow_end), d_head - 1)
    scaled = []
    for pair, speed in enumerate(speeds):
        if pair <= low:
            scaled.append(speed)
        elif pair >= high:
            scaled.append(speed / factor)
        else:
            slowed = (pair - low) / (high - low)
            scaled.append((1 - slowed) * speed + slowed * speed / factor)
    return np.array(scaled)


def yarn_attention_factor(factor: float) -> float:
    """Compute 0.1 · ln(factor) + 1, and 1 for a factor that does not stretch."""
    return 0.1 * math.log(max(factor, 1.0)) + 1.0
