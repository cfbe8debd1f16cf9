"""Our own low-rank corrections."""

from llm_layers import lora_linear, merge_lora

__all__ = ["lora_linear", "merge_lora"]
