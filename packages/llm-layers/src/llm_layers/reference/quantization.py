"""Weights as 8-bit and 4-bit codes in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array, outer


def quantize_int8(weight: Array) -> tuple[Array, Array]:
    """Compute codes = round(weight / scale), with scale = maxᵢ |weight| / 127 for each row; halves round to even."""
    scales = _largest(weight) / 127
    return _steps(weight, scales[:, None]).astype(np.int8), scales


def dequantize_int8(codes: Array, scales: Array) -> Array:
    """Compute weight = codes · scale of the row."""
    return codes * scales[:, None]


def dequantize_int8_backward(dweight: Array, codes: Array, scales: Array) -> Array:
    """Gradient of the scales; codes are integers and have none.

    weight[o, i] = codes[o, i] · scales[o], so each scale collects from its row:
    dscales[o] = Σᵢ dweight[o, i] codes[o, i].
    """
    return np.sum(dweight * codes, axis=1)


def int8_linear(x: Array, codes: Array, scales: Array) -> Array:
    """Compute y[o] = scales[o] · Σᵢ x[i] codes[o, i]."""
    return x @ codes.T * scales


def int8_linear_backward(dy: Array, x: Array, codes: Array, scales: Array) -> tuple[Array, Array]:
    """Gradients of x and scales.

    Write s = x codesᵀ for the sums before scaling, so that y = s · scales.
    - ds = dy · scales, and dx[i] = Σₒ ds[o] codes[o, i].
    - A scale serves all vectors: dscales[o] = Σ over vectors of dy[o] s[o].
    """
    dx = (dy * scales) @ codes
    dscales = np.sum(dy * (x @ codes.T), axis=tuple(range(x.ndim - 1)))
    return dx, dscales


def quantize_int4(weight: Array, group: int) -> tuple[Array, Array]:
    """Compute codes from -7 to 7, plus 8, two in a byte (the even column in the low half), and one scale a group."""
    rows, width = weight.shape
    if group < 1 or width % group or width % 2:
        raise ValueError(f"group must divide the even width of the weight, but was {group} for {width}")
    grouped = weight.reshape(rows, width // group, group)
    scales = _largest(grouped) / 7
    nibbles = _steps(grouped, scales[..., None]).reshape(rows, width).astype(np.uint8) + np.uint8(8)
    return nibbles[:, 0::2] + 16 * nibbles[:, 1::2], scales


def dequantize_int4(codes: Array, scales: Array) -> Array:
    """Compute weight = (nibble - 8) · scale of the group."""
    return _unpack(codes) * _spread(scales, 2 * codes.shape[1])


def dequantize_int4_backward(dweight: Array, codes: Array, scales: Array) -> Array:
    """Gradient of the scales: each collects from its group.

    weight[o, i] = step[o, i] · scales[o, i // group], so dscales[o, g] = Σ over the group of dweight · step.
    """
    return np.sum((dweight * _unpack(codes)).reshape(*scales.shape, dweight.shape[1] // scales.shape[1]), axis=-1)


def int4_linear(x: Array, codes: Array, scales: Array) -> Array:
    """Compute y = x weightᵀ with the unpacked weight."""
    return x @ dequantize_int4(codes, scales).T


def int4_linear_backward(dy: Array, x: Array, codes: Array, scales: Array) -> tuple[Array, Array]:
    """Gradients of x and scales.

    For the product y = x Wᵀ: dx = dy W, and dW = dyᵀ x summed over all vectors; from dW to the scales leads
    `dequantize_int4_backward`.
    """
    return dy @ dequantize_int4(codes, scales), dequantize_int4_backward(outer(dy, x), codes, scales)


def _largest(weight: Array) -> Array:
    largest = np.max(np.abs(weight), axis=-1)
    if not np.all(np.isfinite(largest)):
        raise ValueError("weight must be finite")
    return largest


def _steps(weight: Array, scales: Array) -> Array:
    """A row of zeros has scale 0 and codes 0: it is divided by 1."""
    return np.rint(weight / np.where(scales == 0, 1.0, scales))


def _unpack(codes: Array) -> Array:
    """Columns 2j and 2j + 1 from the low and the high half of byte j."""
    pairs = np.stack([codes % 16, codes // 16], axis=-1)
    return pairs.reshape(len(codes), 2 * codes.shape[1]).astype(np.float64) - 8.0


def _spread(scales: Array, width: int) -> Array:
    """Repeat each scale over its group."""
    return np.repeat(scales, width // scales.shape[1], axis=1)
