"""Mistakes with RMSNorm."""

from typing import Any

import numpy as np
import torch

from llm_tokenizer.spec import slip


def _root(x: Any, eps: float) -> Any:
    return torch.sqrt(x.square().mean(-1, keepdim=True) + eps)


@slip("layers.rms_norm", "eps outside the root", "eps is added to the root, not to the mean square inside it")
def eps_outside(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / (_root(x, 0.0) + eps)


@slip("layers.rms_norm", "eps left out", "there is no eps: tiny inputs are blown up, zeros become NaN")
def no_eps(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / _root(x, 0.0)


@slip("layers.rms_norm", "eps fixed", "eps is a fixed 1e-6, whatever was given")
def fixed_eps(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / _root(x, 1e-6)


@slip("layers.rms_norm", "eps as a floor", "the mean square is cut off at eps instead of eps being added")
def eps_floor(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / x.square().mean(-1, keepdim=True).clamp(min=eps).sqrt()


@slip("layers.rms_norm", "mean subtracted", "the mean is subtracted first: that is LayerNorm")
def layer_norm(x: Any, gain: Any, eps: float) -> Any:
    centred = x - x.mean(-1, keepdim=True)
    return gain * centred / _root(centred, eps)


@slip("layers.rms_norm", "sum for mean", "the squares are summed, not averaged: that is the unit vector")
def unit_vector(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / torch.sqrt(x.square().sum(-1, keepdim=True) + eps)


@slip("layers.rms_norm", "no root", "divided by the mean square instead of its root")
def no_root(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / (x.square().mean(-1, keepdim=True) + eps)


@slip("layers.rms_norm", "gain forgotten", "the gain is not used")
def no_gain(x: Any, gain: Any, eps: float) -> Any:
    return x / _root(x, eps) + 0 * gain


@slip("layers.rms_norm", "1 + gain", "the gain is taken as 1 + gain, as in Gemma's files")
def one_plus(x: Any, gain: Any, eps: float) -> Any:
    return (1 + gain) * x / _root(x, eps)


@slip("layers.rms_norm", "gain before the norm", "the gain is multiplied in before the root is taken")
def gain_first(x: Any, gain: Any, eps: float) -> Any:
    return x * gain / _root(x * gain, eps)


@slip("layers.rms_norm", "mean over everything", "one root for the whole array instead of one per vector")
def over_everything(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / torch.sqrt(x.square().mean() + eps)


@slip("layers.rms_norm", "mean over the first axis", "the mean runs along the first axis instead of the last")
def first_axis(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / torch.sqrt(x.square().mean(0, keepdim=True) + eps)


@slip("layers.rms_norm", "root held constant", "the gradient does not run through the root (it was detached)")
def detached(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / _root(x.detach(), eps)


@slip("layers.rms_norm", "gain left out of dx", "dx takes dy itself where dy · gain belongs", backward=True)
def ungained(dy: Any, x: Any, gain: Any, eps: float) -> Any:
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)
    n = x * r
    dx = r * (dy - n * np.mean(dy * n, axis=-1, keepdims=True))
    return dx, np.sum((dy * n).reshape(-1, x.shape[-1]), axis=0)


@slip("layers.rms_norm", "r for r²", "the part along x is scaled by r too little", backward=True)
def wrong_power(dy: Any, x: Any, gain: Any, eps: float) -> Any:
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)
    g = dy * gain
    dx = r * (g - x * r * np.mean(g * x, axis=-1, keepdims=True))
    return dx, np.sum((dy * x * r).reshape(-1, x.shape[-1]), axis=0)
