"""The same contracts, computed faster; `presets` chooses. The arguments are those of the functions in `layers/`."""

from llm_layers.kernels.presets import EAGER, FAST, FUSED, Kernels

__all__ = ["EAGER", "FAST", "FUSED", "Kernels"]
