"""Our own losses."""

from llm_layers import cross_entropy, linear_cross_entropy, smoothed_cross_entropy, z_loss

__all__ = ["cross_entropy", "linear_cross_entropy", "smoothed_cross_entropy", "z_loss"]
