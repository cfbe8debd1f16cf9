"""Mistakes with the norms."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from llm_layers.reference.norm import layer_norm_backward, rms_norm_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.rms_norm")


def _mean_square(x: Any, axes: Any = -1) -> Any:
    return x.square().mean(axes, keepdim=True)


def _root(x: Any, eps: float) -> Any:
    return torch.sqrt(_mean_square(x) + eps)


def _centered(x: Any) -> Any:
    return x - x.mean(-1, keepdim=True)


slip("eps outside the root", "eps is added to the root, not to the mean square inside it")(
    lambda x, gain, eps: gain * x / (_root(x, 0.0) + eps)
)
slip("eps left out", "there is no eps: tiny inputs are blown up, zeros become NaN")(
    lambda x, gain, eps: gain * x / _root(x, 0.0)
)
slip("eps fixed", "eps is a fixed 1e-6, whatever was given")(lambda x, gain, eps: gain * x / _root(x, 1e-6))
slip("eps as a floor", "the mean square is cut off at eps instead of eps being added")(
    lambda x, gain, eps: gain * x / _mean_square(x).clamp(min=eps).sqrt()
)
slip("mean subtracted", "the mean is subtracted first: that is LayerNorm")(
    lambda x, gain, eps: gain * _centered(x) / _root(_centered(x), eps)
)
slip("sum for mean", "the squares are summed, not averaged: that is the unit vector")(
    lambda x, gain, eps: gain * x / torch.sqrt(x.square().sum(-1, keepdim=True) + eps)
)
slip("no root", "divided by the mean square instead of its root")(
    lambda x, gain, eps: gain * x / (_mean_square(x) + eps)
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
slip("root held constant", "the gradient does not run through the root (it was detached)")(
    lambda x, gain, eps: gain * x / _root(x.detach(), eps)
)


def _mean(a: Any) -> Any:
    return np.mean(a, axis=-1, keepdims=True)


slip("gain left out of dx", "dx takes dy itself where dy · gain belongs", backward=True)(
    lambda dy, x, gain, eps: (
        rms_norm_backward(dy, x, np.ones_like(gain), eps)[0],
        rms_norm_backward(dy, x, gain, eps)[1],
    )
)


slip = SLIPS.of("layers.layer_norm")


def _layer(
    *,
    top: Callable[[Any], Any] = _centered,
    root: Callable[[Any, float], Any] = lambda x, eps: _root(_centered(x), eps),
    finish: Callable[[Any, Any], Any] = lambda n, gain: n * gain,
) -> Callable[..., Any]:
    """Return LayerNorm of which one step is replaced: what is divided, by what, and what the gain does."""

    def layer_norm(x: Any, gain: Any, bias: Any, eps: float) -> Any:
        y = finish(top(x) / root(x, eps), gain)
        return y if bias is None else y + bias

    return layer_norm


slip("sample variance", "the variance is divided by d - 1 (torch.var's default) instead of d")(
    _layer(root=lambda x, eps: torch.sqrt(x.var(-1, keepdim=True) + eps))
)
slip("eps outside the root", "eps is added to the deviation, not to the variance inside the root")(
    _layer(root=lambda x, eps: _root(_centered(x), 0.0) + eps)
)
slip("eps left out", "there is no eps: a vector of equal values becomes NaN")(
    _layer(root=lambda x, eps: _root(_centered(x), 0.0))
)
slip("eps fixed", "eps is a fixed 1e-5, whatever was given")(_layer(root=lambda x, eps: _root(_centered(x), 1e-5)))
slip("bias forgotten", "the bias is not added")(lambda x, gain, bias, eps: _layer()(x, gain, None, eps))
slip("bias demanded", "a bias of None, that is no bias, is not allowed for")(
    lambda x, gain, bias, eps: _layer()(x, gain, None, eps) + bias
)
slip("bias before gain", "the bias is added first and then multiplied by the gain too")(
    lambda x, gain, bias, eps: _layer()(x, gain, None if bias is None else bias * gain, eps)
)
slip("gain forgotten", "the gain is not used")(_layer(finish=lambda n, gain: n * torch.ones_like(gain)))
slip("mean not subtracted", "the mean stays in: that is RMSNorm with a bias")(_layer(top=lambda x: x, root=_root))
slip("variance in one pass", "mean(x²) - mean(x)² cancels when the mean is far from zero")(
    _layer(root=lambda x, eps: torch.sqrt(_mean_square(x) - x.mean(-1, keepdim=True).square() + eps))
)
slip("over everything", "one mean and one variance for the whole array")(
    _layer(top=lambda x: x - x.mean(), root=lambda x, eps: torch.sqrt(x.var(correction=0) + eps))
)
slip("over the other vectors", "each coordinate is measured over all vectors: that is BatchNorm")(
    _layer(
        top=lambda x: x - x.reshape(-1, x.shape[-1]).mean(0),
        root=lambda x, eps: torch.sqrt(x.reshape(-1, x.shape[-1]).var(0, correction=0) + eps),
    )
)
slip("variance held constant", "the gradient does not run through the variance (detached)")(
    _layer(root=lambda x, eps: _root(_centered(x.detach()), eps))
)


@slip("mean(g) left out of dx", "dx lacks - mean(dy · gain), the part of the mean", backward=True)
def mean_left_out(dy: Any, x: Any, gain: Any, bias: Any, eps: float) -> Any:
    dx, *rest = layer_norm_backward(dy, x, gain, bias, eps)
    return dx + _mean(dy * gain) / np.sqrt(np.var(x, axis=-1, keepdims=True) + eps), *rest


@slip("gain left out of dx", "dx takes dy itself where dy · gain belongs", backward=True)
def gain_left_out(dy: Any, x: Any, gain: Any, bias: Any, eps: float) -> Any:
    dx = layer_norm_backward(dy, x, np.ones_like(gain), bias, eps)[0]
    return dx, *layer_norm_backward(dy, x, gain, bias, eps)[1:]


@slip("dgain from x", "dgain is Σ dy · x, not Σ dy · n with the normalized n", backward=True)
def gain_from_x(dy: Any, x: Any, gain: Any, bias: Any, eps: float) -> Any:
    dx, _, dbias = layer_norm_backward(dy, x, gain, bias, eps)
    return dx, np.sum((dy * x).reshape(-1, x.shape[-1]), axis=0), dbias


slip = SLIPS.of("layers.query_key_norm")


def _rms(x: Any, gain: Any, eps: float, axes: Any = -1) -> Any:
    return gain * x / torch.sqrt(_mean_square(x, axes) + eps)


def _over(axes: Any) -> Callable[..., Any]:
    return lambda query, key, query_gain, key_gain, eps: (
        _rms(query, query_gain, eps, axes),
        _rms(key, key_gain, eps, axes),
    )


slip("keys with the queries' gain", "query_gain is used for the keys too")(
    lambda query, key, query_gain, key_gain, eps: (_rms(query, query_gain, eps), _rms(key, query_gain, eps))
)
slip("only the queries", "the keys are left as they are")(
    lambda query, key, query_gain, key_gain, eps: (_rms(query, query_gain, eps), key * key_gain)
)
slip("over all heads", "one root for all heads of a position instead of one per head")(_over((-3, -1)))
slip("over the positions", "one root for all positions of a head: the future leaks in")(_over((-2, -1)))
slip("eps fixed for the keys", "the keys take a fixed 1e-6, whatever eps was given")(
    lambda query, key, query_gain, key_gain, eps: (_rms(query, query_gain, eps), _rms(key, key_gain, 1e-6))
)
