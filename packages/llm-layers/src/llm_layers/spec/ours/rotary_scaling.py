"""Our own scalings of rotary speeds."""

from llm_layers import linear_scaling, llama3_scaling, yarn_attention_factor, yarn_scaling

__all__ = ["linear_scaling", "llama3_scaling", "yarn_attention_factor", "yarn_scaling"]
