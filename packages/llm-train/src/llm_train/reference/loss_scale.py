"""The loss scale of float16, found by trial."""

LARGEST = (2 - 2.0**-23) * 2.0**127
"""The largest number of float32: 24 ones, shifted."""


def loss_scale(
    scale: float, good_steps: int, found_inf: bool, growth: float, backoff: float, interval: int
) -> tuple[float, int]:
    """Return the scale for the next step, and how many good steps it has behind it."""
    if found_inf:
        return scale * backoff, 0
    if good_steps + 1 < interval:
        return scale, good_steps + 1
    return (scale if scale * growth > LARGEST else scale * growth), 0
