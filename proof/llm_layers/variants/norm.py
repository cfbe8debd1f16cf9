"""Norm: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.spec import fast as our
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.rms_norm")
variant("torch's own kernel")(lambda x, gain, eps: F.rms_norm(x, gain.shape, gain, eps))


@variant("length divided by √d")
def by_length(x: Any, gain: Any, eps: float) -> Any:
    length_square = torch.einsum("...i,...i->...", x, x)[..., None]
    return x / ((length_square + x.shape[-1] * eps) / x.shape[-1]) ** 0.5 * gain


@variant("product with the reciprocal root")
def by_rsqrt(x: Any, gain: Any, eps: float) -> Any:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * gain


@variant("float32 inside, as most models have it")
def in_float32(x: Any, gain: Any, eps: float) -> Any:
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return gain * (wide * torch.rsqrt((wide * wide).mean(-1, keepdim=True) + eps)).to(x.dtype)


variant("NumPy", arrays="numpy")(
    lambda x, gain, eps: gain * x / np.sqrt(np.square(x).sum(axis=-1, keepdims=True) / x.shape[-1] + eps)
)


variant = VARIANTS.of("layers.layer_norm")


@variant("Welford's way, one number or piece after the other")
def welford(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    count, mean, squares = 0, x[..., :1] * 0, x[..., :1] * 0
    for piece in x.split(max(x.shape[-1] // 100, 1), -1):
        new, count = piece.shape[-1], count + piece.shape[-1]
        center = piece.mean(-1, keepdim=True)
        step = center - mean
        mean = mean + step * (new / count)
        squares = squares + (piece - center).square().sum(-1, keepdim=True) + step * (center - mean) * new
    y = (x - mean) / (squares / x.shape[-1] + eps).sqrt() * gain
    return y if bias is None else y + bias


@variant("NumPy", arrays="numpy")
def in_numpy(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    y = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + eps) * gain
    return y if bias is None else y + bias


variant("torch's own kernel")(lambda x, gain, bias, eps: F.layer_norm(x, gain.shape, gain, bias, eps))


@variant("torch's variance")
def by_variance(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    y = (x - mean) / torch.sqrt(variance + eps) * gain
    return y if bias is None else y + bias


@variant("means as products")
def by_products(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    share = torch.full((x.shape[-1], 1), 1 / x.shape[-1], dtype=x.dtype)
    centered = x - x @ share
    y = centered * ((centered * centered) @ share + eps) ** -0.5 * gain
    return y if bias is None else torch.add(bias, y)


variant = VARIANTS.of("layers.query_key_norm")
variant("torch's own kernel")(
    lambda query, key, query_gain, key_gain, eps: (
        F.rms_norm(query, query_gain.shape, query_gain, eps),
        F.rms_norm(key, key_gain.shape, key_gain, eps),
    )
)


@variant("queries and keys in one array")
def together(query: Any, key: Any, query_gain: Any, key_gain: Any, eps: float) -> Any:
    both = torch.cat([query, key], dim=-3)
    normed = both / (both.square().mean(-1, keepdim=True) + eps).sqrt()
    first, second = normed.tensor_split([query.shape[-3]], dim=-3)
    return first * query_gain, second * key_gain


variant("NumPy", arrays="numpy")(
    lambda query, key, query_gain, key_gain, eps: tuple(
        x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain
        for x, gain in ((query, query_gain), (key, key_gain))
    )
)
variant("product with the reciprocal root")(
    lambda query, key, query_gain, key_gain, eps: (by_rsqrt(query, query_gain, eps), by_rsqrt(key, key_gain, eps))
)
VARIANTS.of("layers.rms_norm")("our fast kernels")(our.rms_norm)
VARIANTS.of("layers.layer_norm")("our fast kernels")(our.layer_norm)
VARIANTS.of("layers.query_key_norm")("our fast kernels")(our.query_key_norm)
