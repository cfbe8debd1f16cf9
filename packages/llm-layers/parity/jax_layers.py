"""Layers as one writes them in JAX, with the functions of `jax.nn` where it has one."""

import jax
import jax.numpy as jnp

SPEC_ARRAYS = "jax"


def linear(x, weight, bias):
    y = jnp.einsum("...i,oi->...o", x, weight)
    return y if bias is None else y + bias


def rms_norm(x, gain, eps):
    return x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + eps) * gain


def softmax(scores, axis):
    return jax.nn.softmax(scores, axis=axis)


def attention(query, key, value, mask):
    scores = jnp.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5
    if mask is None:
        return jax.nn.softmax(scores, axis=-1) @ value
    weights = jax.nn.softmax(jnp.where(mask, scores, jnp.finfo(scores.dtype).min), axis=-1)
    return jnp.where(mask.any(axis=-1, keepdims=True), weights, 0) @ value


def rotary(x, positions, base):
    half = x.shape[-1] // 2
    angles = positions[..., None] * base ** -(jnp.arange(half, dtype=jnp.float64) / half)
    cos, sin = jnp.cos(angles).astype(x.dtype), jnp.sin(angles).astype(x.dtype)
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def gelu_tanh(x):
    return jax.nn.gelu(x, approximate=True)


def silu(x):
    return jax.nn.silu(x)


def swiglu(x, gate, up, down):
    return linear(jax.nn.silu(linear(x, gate, None)) * linear(x, up, None), down, None)


def cross_entropy(logits, targets, ignored):
    counted = targets != ignored
    chosen = jnp.take_along_axis(logits, jnp.where(counted, targets, 0)[..., None], axis=-1)[..., 0]
    losses = jnp.where(counted, jax.nn.logsumexp(logits, axis=-1) - chosen, 0)
    return losses.sum() / jnp.maximum(counted.sum(), 1)
