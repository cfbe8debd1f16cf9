"""Mistakes with dropout."""

from typing import Any

import numpy as np
import torch

from llm_tokenizer.conformance import slip


@slip("layers.dropout", "no rescaling", "what is kept is not enlarged: the mean shrinks by the rate in training only")
def no_rescaling(x: Any, kept: Any, rate: float) -> Any:
    return torch.where(kept, x, 0.0)


@slip("layers.dropout", "divided by the rate", "divided by the rate, not by 1 - rate")
def divided_by_rate(x: Any, kept: Any, rate: float) -> Any:
    return torch.where(kept, x / rate if rate else x, 0.0)


@slip("layers.dropout", "multiplied by 1 - rate", "shrunk by 1 - rate: that is the old paper's rule for use")
def shrunk(x: Any, kept: Any, rate: float) -> Any:
    return torch.where(kept, x * (1 - rate), 0.0)


@slip("layers.dropout", "multiplied by 1 + rate", "enlarged by 1 + rate, which is 1/(1 - rate) only for small rates")
def nearly(x: Any, kept: Any, rate: float) -> Any:
    return torch.where(kept, x * (1 + rate), 0.0)


@slip("layers.dropout", "mask inverted", "True is taken for struck out")
def inverted(x: Any, kept: Any, rate: float) -> Any:
    return torch.where(kept, 0.0, x / (1 - rate))


@slip("layers.dropout", "scaled by the share kept", "divided by the share that this mask kept, not by 1 - rate")
def by_the_count(x: Any, kept: Any, rate: float) -> Any:
    return torch.where(kept, x / kept.double().mean().clamp(min=1e-9).to(x.dtype), 0.0)


@slip("layers.dropout", "whole vectors struck out", "the mask of the first number decides for the whole vector")
def whole_vectors(x: Any, kept: Any, rate: float) -> Any:
    return torch.where(kept[..., :1], x / (1 - rate), 0.0)


@slip("layers.dropout", "everything enlarged", "what is struck out is left as it was instead of set to zero")
def left_standing(x: Any, kept: Any, rate: float) -> Any:
    return torch.where(kept, x / (1 - rate), x)


@slip("layers.dropout", "gradient not masked", "the gradient of what was struck out flows on", backward=True)
def gradient_unmasked(dy: Any, x: Any, kept: Any, rate: float) -> Any:
    return dy / (1 - rate)


@slip("layers.dropout", "gradient not enlarged", "the factor 1/(1 - rate) is left out of the gradient", backward=True)
def gradient_unscaled(dy: Any, x: Any, kept: Any, rate: float) -> Any:
    return np.where(kept, dy, 0)


@slip("layers.dropout", "gradient enlarged twice", "the factor 1/(1 - rate) is in the gradient twice", backward=True)
def gradient_twice(dy: Any, x: Any, kept: Any, rate: float) -> Any:
    return np.where(kept, dy / (1 - rate) ** 2, 0)
