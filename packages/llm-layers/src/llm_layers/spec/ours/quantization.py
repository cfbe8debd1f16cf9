"""Our own codes."""

from llm_layers import (
    dequantize_int4,
    dequantize_int8,
    int4_linear,
    int8_linear,
    quantize_int4,
    quantize_int8,
)

__all__ = ["dequantize_int4", "dequantize_int8", "int4_linear", "int8_linear", "quantize_int4", "quantize_int8"]
