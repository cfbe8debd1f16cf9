"""Our functions under the contracts' names."""

from llm_generate.sampling import temperature, top_k, top_p

__all__ = ["SPEC_ARRAYS", "temperature", "top_k", "top_p"]

SPEC_ARRAYS = "torch"
