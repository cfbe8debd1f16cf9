"""Mistakes with the norms."""

from typing import Any

import numpy as np
import torch

from llm_layers.reference.norm import rms_norm_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.rms_norm")


def _root(x: Any, eps: float) -> Any:
    return torch.sqrt(x.square().mean(-1, keepdim=True) + eps)


slip("eps outside the root", "eps is added to the root, not to the mean square inside it")(
    lambda x, gain, eps: gain * x / (_root(x, 0.0) + eps)
)
slip("eps left out", "there is no eps: tiny inputs are blown up, zeros become NaN")(
    lambda x, gain, eps: gain * x / _root(x, 0.0)
)
slip("eps fixed", "eps is a fixed 1e-6, whatever was given")(lambda x, gain, eps: gain * x / _root(x, 1e-6))
slip("eps as a floor", "the mean square is cut off at eps instead of eps being added")(
    lambda x, gain, eps: gain * x / x.square().mean(-1, keepdim=True).clamp(min=eps).sqrt()
)


@slip("mean subtracted", "the mean is subtracted first: that is LayerNorm")
def layer_norm(x: Any, gain: Any, eps: float) -> Any:
    centred = x - x.mean(-1, keepdim=True)
    return gain * centred / _root(centred, eps)


slip("sum for mean", "the squares are summed, not averaged: that is the unit vector")(
    lambda x, gain, eps: gain * x / torch.sqrt(x.square().sum(-1, keepdim=True) + eps)
)
slip("no root", "divided by the mean square instead of its root")(
    lambda x, gain, eps: gain * x / (x.square().mean(-1, keepdim=True) + eps)
)
slip("gain forgotten", "the gain is not used")(lambda x, gain, eps: x / _root(x, eps) + 0 * gain)
slip("1 + gain", "the gain is taken as 1 + gain, as in Gemma's files")(
    lambda x, gain, eps: (1 + gain) * x / _root(x, eps)
)
slip("gain before the norm", "the gain is multiplied in before the root is taken")(
    lambda x, gain, eps: x * gain / _root(x * gain, eps)
)
slip("mean over everything", "one root for the whole array instead of one per vector")(
    lambda x, gain, eps: gain * x / torch.sqrt(x.square().mean() + eps)
)
slip("mean over the first axis", "the mean runs along the first axis instead of the last")(
    lambda x, gain, eps: gain * x / torch.sqrt(x.square().mean(0, keepdim=True) + eps)
)
slip("root held constant", "the gradient does not run through the root (it was detached)")(
    lambda x, gain, eps: gain * x / _root(x.detach(), eps)
)


@slip("gain left out of dx", "dx takes dy itself where dy · gain belongs", backward=True)
def ungained(dy: Any, x: Any, gain: Any, eps: float) -> Any:
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)
    n = x * r
    dx = r * (dy - n * np.mean(dy * n, axis=-1, keepdims=True))
    return dx, np.sum((dy * n).reshape(-1, x.shape[-1]), axis=0)


@slip("r for r²", "the part along x is scaled by r too little", backward=True)
def wrong_power(dy: Any, x: Any, gain: Any, eps: float) -> Any:
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)
    g = dy * gain
    dx = r * (g - x * r * np.mean(g * x, axis=-1, keepdims=True))
    return dx, np.sum((dy * x * r).reshape(-1, x.shape[-1]), axis=0)


def _moments(x: Any) -> Any:
    centred = x - x.mean(-1, keepdim=True)
    return centred, centred.square().mean(-1, keepdim=True)


def _finish(n: Any, gain: Any, bias: Any) -> Any:
    return n * gain if bias is None else n * gain + bias


slip = SLIPS.of("layers.layer_norm")
slip("sample variance", "the variance is divided by d - 1 (torch.var's default) instead of d")(
    lambda x, gain, bias, eps: _finish(
        (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + eps), gain, bias
    )
)


@slip("eps outside the root", "eps is added to the deviation, not to the variance inside the root")
def layer_eps_outside(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    centred, variance = _moments(x)
    return _finish(centred / (torch.sqrt(variance) + eps), gain, bias)


@slip("eps left out", "there is no eps: a vector of equal numbers becomes NaN")
def layer_no_eps(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    centred, variance = _moments(x)
    return _finish(centred / torch.sqrt(variance), gain, bias)


@slip("eps fixed", "eps is a fixed 1e-5, whatever was given")
def layer_fixed_eps(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    centred, variance = _moments(x)
    return _finish(centred / torch.sqrt(variance + 1e-5), gain, bias)


@slip("bias forgotten", "the bias is not added")
def bias_forgotten(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    centred, variance = _moments(x)
    return centred / torch.sqrt(variance + eps) * gain


@slip("bias demanded", "a bias of None, that is no bias, is not allowed for")
def bias_demanded(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    centred, variance = _moments(x)
    return centred / torch.sqrt(variance + eps) * gain + bias


@slip("bias before gain", "the bias is added first and then multiplied by the gain too")
def bias_first(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    centred, variance = _moments(x)
    n = centred / torch.sqrt(variance + eps)
    return n * gain if bias is None else (n + bias) * gain


@slip("gain forgotten", "the gain is not used")
def layer_no_gain(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    centred, variance = _moments(x)
    return _finish(centred / torch.sqrt(variance + eps), torch.ones_like(gain), bias)


@slip("1 + gain", "the gain is taken as 1 + gain")
def layer_one_plus(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    centred, variance = _moments(x)
    return _finish(centred / torch.sqrt(variance + eps), 1 + gain, bias)


slip("mean not subtracted", "the mean stays in: that is RMSNorm with a bias")(
    lambda x, gain, bias, eps: _finish(x / _root(x, eps), gain, bias)
)
slip("mean kept in the result", "divided by the deviation, but the mean is not taken off x")(
    lambda x, gain, bias, eps: _finish(x / torch.sqrt(_moments(x)[1] + eps), gain, bias)
)
slip("mean kept in the root", "the mean is taken off x, but not off the squares in the root")(
    lambda x, gain, bias, eps: _finish(_moments(x)[0] / _root(x, eps), gain, bias)
)


@slip("variance in one pass", "mean(x²) - mean(x)² cancels when the mean is far from zero")
def one_pass(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    mean = x.mean(-1, keepdim=True)
    variance = x.square().mean(-1, keepdim=True) - mean.square()
    return _finish((x - mean) / torch.sqrt(variance + eps), gain, bias)


@slip("no root", "divided by the variance instead of its root")
def layer_no_root(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    centred, variance = _moments(x)
    return _finish(centred / (variance + eps), gain, bias)


slip("over everything", "one mean and one variance for the whole array")(
    lambda x, gain, bias, eps: _finish((x - x.mean()) / torch.sqrt(x.var(correction=0) + eps), gain, bias)
)


@slip("over the other vectors", "each coordinate is measured over all vectors: that is BatchNorm")
def batch_norm(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    flat = x.reshape(-1, x.shape[-1])
    root = torch.sqrt(flat.var(0, correction=0) + eps)
    return _finish((x - flat.mean(0)) / root, gain, bias)


@slip("over the last two axes", "mean and variance run over positions and coordinates together")
def two_axes(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    axes = (-2, -1) if x.dim() > 1 else (-1,)
    centred = x - x.mean(axes, keepdim=True)
    return _finish(centred / torch.sqrt(centred.square().mean(axes, keepdim=True) + eps), gain, bias)


@slip("statistics held constant", "the gradient does not run through mean and variance (detached)")
def layer_detached(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    fixed = x.detach()
    root = torch.sqrt(_moments(fixed)[1] + eps)
    return _finish((x - fixed.mean(-1, keepdim=True)) / root, gain, bias)


slip("variance held constant", "the gradient does not run through the variance (detached)")(
    lambda x, gain, bias, eps: _finish(_moments(x)[0] / torch.sqrt(_moments(x.detach())[1] + eps), gain, bias)
)


def _normed(x: Any, eps: float) -> Any:
    centred = x - np.mean(x, axis=-1, keepdims=True)
    r = 1 / np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + eps)
    return centred * r, r


def _over_vectors(a: Any) -> Any:
    return np.sum(a.reshape(-1, a.shape[-1]), axis=0)


@slip("mean(g) left out of dx", "dx lacks - mean(dy · gain), the mean's own share", backward=True)
def no_mean_share(dy: Any, x: Any, gain: Any, bias: Any, eps: float) -> Any:
    n, r = _normed(x, eps)
    g = dy * gain
    return r * (g - n * np.mean(g * n, axis=-1, keepdims=True)), _over_vectors(dy * n), _over_vectors(dy)


@slip("gain left out of dx", "dx takes dy itself where dy · gain belongs", backward=True)
def layer_ungained(dy: Any, x: Any, gain: Any, bias: Any, eps: float) -> Any:
    n, r = _normed(x, eps)
    dx = r * (dy - np.mean(dy, axis=-1, keepdims=True) - n * np.mean(dy * n, axis=-1, keepdims=True))
    return dx, _over_vectors(dy * n), _over_vectors(dy)


@slip("dgain from x", "dgain is Σ dy · x, not Σ dy · n with the normalised n", backward=True)
def gain_from_x(dy: Any, x: Any, gain: Any, bias: Any, eps: float) -> Any:
    n, r = _normed(x, eps)
    g = dy * gain
    dx = r * (g - np.mean(g, axis=-1, keepdims=True) - n * np.mean(g * n, axis=-1, keepdims=True))
    return dx, _over_vectors(dy * x), _over_vectors(dy)


@slip("averaged over vectors", "dgain and dbias are means over the vectors, not sums", backward=True)
def averaged(dy: Any, x: Any, gain: Any, bias: Any, eps: float) -> Any:
    n, r = _normed(x, eps)
    g = dy * gain
    dx = r * (g - np.mean(g, axis=-1, keepdims=True) - n * np.mean(g * n, axis=-1, keepdims=True))
    count = max(x.size // x.shape[-1], 1)
    return dx, _over_vectors(dy * n) / count, _over_vectors(dy) / count


def _both(norm: Any, query: Any, key: Any, query_gain: Any, key_gain: Any, eps: float) -> Any:
    return norm(query, query_gain, eps), norm(key, key_gain, eps)


def _rms(x: Any, gain: Any, eps: float) -> Any:
    return x / _root(x, eps) * gain


slip = SLIPS.of("layers.query_key_norm")
slip("keys with the queries' gain", "query_gain is used for the keys too")(
    lambda query, key, query_gain, key_gain, eps: _both(_rms, query, key, query_gain, query_gain, eps)
)
slip("gains exchanged", "the queries take the keys' gain and the other way round")(
    lambda query, key, query_gain, key_gain, eps: _both(_rms, query, key, key_gain, query_gain, eps)
)
slip("only the queries", "the keys are left as they are")(
    lambda query, key, query_gain, key_gain, eps: (_rms(query, query_gain, eps), key * key_gain)
)


@slip("over all heads", "one root for all heads of a position instead of one per head")
def all_heads(query: Any, key: Any, query_gain: Any, key_gain: Any, eps: float) -> Any:
    def norm(x: Any, gain: Any, eps: float) -> Any:
        return gain * x / torch.sqrt(x.square().mean((-3, -1), keepdim=True) + eps)

    return _both(norm, query, key, query_gain, key_gain, eps)


@slip("over the positions", "one root for all positions of a head: the future leaks in")
def all_positions(query: Any, key: Any, query_gain: Any, key_gain: Any, eps: float) -> Any:
    def norm(x: Any, gain: Any, eps: float) -> Any:
        return gain * x / torch.sqrt(x.square().mean((-2, -1), keepdim=True) + eps)

    return _both(norm, query, key, query_gain, key_gain, eps)


slip("eps fixed for the keys", "the keys take a fixed 1e-6, whatever eps was given")(
    lambda query, key, query_gain, key_gain, eps: (_rms(query, query_gain, eps), _rms(key, key_gain, 1e-6))
)


def _heads_backward(dquery: Any, dkey: Any, query: Any, key: Any, query_gain: Any, key_gain: Any, eps: float) -> Any:
    dq, dquery_gain = rms_norm_backward(dquery, query, query_gain, eps)
    dk, dkey_gain = rms_norm_backward(dkey, key, key_gain, eps)
    return dq, dk, dquery_gain, dkey_gain


@slip("gain's gradient of the first head", "only the first head adds to a gain", backward=True)
def first_head(dquery: Any, dkey: Any, *inputs: Any) -> Any:
    dq, dk, _, _ = _heads_backward(dquery, dkey, *inputs)
    query, key, query_gain, key_gain, eps = inputs
    gains = [
        rms_norm_backward(d[..., :1, :, :], x[..., :1, :, :], gain, eps)[1]
        for d, x, gain in ((dquery, query, query_gain), (dkey, key, key_gain))
    ]
    return dq, dk, *gains


@slip("gradients of the gains exchanged", "each gain gets the other's gradient", backward=True)
def gain_gradients_exchanged(*inputs: Any) -> Any:
    dq, dk, dquery_gain, dkey_gain = _heads_backward(*inputs)
    return dq, dk, dkey_gain, dquery_gain
