"""The same contracts, computed faster; `presets` chooses."""

from llm_layers.kernels.presets import EAGER, FAST, FUSED, Kernels

__all__ = ["EAGER", "FAST", "FUSED", "Kernels"]
