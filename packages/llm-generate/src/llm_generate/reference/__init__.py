"""Temperature, top-k and top-p in plain NumPy float64: written to be read, and the witness of the goldens."""

from llm_generate.reference.sampling import temperature, temperature_backward, top_k, top_p

__all__ = ["temperature", "temperature_backward", "top_k", "top_p"]
