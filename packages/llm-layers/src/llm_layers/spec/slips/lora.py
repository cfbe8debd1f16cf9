"""Mistakes with low-rank corrections."""

from typing import Any

import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import slip


@slip("layers.lora_linear", "scale forgotten", "the correction is not multiplied by scale")
def no_scale(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return F.linear(x, weight) + F.linear(F.linear(x, down), up)


@slip("layers.lora_linear", "divided by the rank again", "scale is alpha / rank already and was divided by the rank")
def rank_twice(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return F.linear(x, weight) + scale / len(down) * F.linear(F.linear(x, down), up)


@slip("layers.lora_linear", "alpha instead of alpha / rank", "scale was multiplied by the rank: that is alpha itself")
def alpha_itself(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return F.linear(x, weight) + scale * len(down) * F.linear(F.linear(x, down), up)


@slip("layers.lora_linear", "scaled by alpha over the root", "scale was multiplied by √rank: rank-stabilised LoRA")
def root_of_rank(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return F.linear(x, weight) + scale * len(down) ** 0.5 * F.linear(F.linear(x, down), up)


@slip("layers.lora_linear", "everything scaled", "the product with the frozen weight is multiplied by scale as well")
def all_scaled(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return scale * (F.linear(x, weight) + F.linear(F.linear(x, down), up))


@slip("layers.lora_linear", "correction alone", "the product with the frozen weight is missing")
def no_base(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return scale * F.linear(F.linear(x, down), up)


@slip("layers.lora_linear", "correction subtracted", "the correction is subtracted instead of added")
def subtracted(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return F.linear(x, weight) - scale * F.linear(F.linear(x, down), up)


@slip("layers.lora_linear", "bend in the middle", "something bends between down and up: then it cannot be merged")
def bent(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return F.linear(x, weight) + scale * F.linear(F.relu(F.linear(x, down)), up)


@slip("layers.lora_linear", "correction behind the weight", "down reads the product with the weight instead of x")
def behind(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    y = F.linear(x, weight)
    narrow = y[..., : down.shape[1]]
    narrow = F.pad(narrow, (0, down.shape[1] - narrow.shape[-1]))
    return y + scale * F.linear(F.linear(narrow, down), up)


@slip("layers.lora_linear", "down cut off", "no gradient reaches down: only up would learn")
def down_detached(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return F.linear(x, weight) + scale * F.linear(F.linear(x, down.detach()), up)


@slip("layers.lora_linear", "up cut off", "no gradient reaches up: from a start at zero nothing would ever be learned")
def up_detached(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return F.linear(x, weight) + scale * F.linear(F.linear(x, down), up.detach())


@slip("layers.lora_linear", "x cut off in the correction", "no gradient reaches x through the correction")
def x_detached(x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return F.linear(x, weight) + scale * F.linear(F.linear(x.detach(), down), up)


@slip("layers.lora_linear", "scale left out of dup", "dup lacks the factor scale", backward=True)
def unscaled_up(dy: Any, x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    rows, upstream = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    dh = scale * upstream @ up
    dx = (upstream @ weight + dh @ down).reshape(x.shape)
    return dx, dh.T @ rows, upstream.T @ (rows @ down.T)


@slip("layers.lora_linear", "mean over the vectors", "down and up take the mean over all vectors", backward=True)
def mean_of_vectors(dy: Any, x: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    rows, upstream = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    dh, count = scale * upstream @ up, max(len(rows), 1)
    dx = (upstream @ weight + dh @ down).reshape(x.shape)
    return dx, dh.T @ rows / count, scale * upstream.T @ (rows @ down.T) / count


@slip("layers.merge_lora", "scale forgotten", "the correction is added without scale")
def merged_unscaled(weight: Any, down: Any, up: Any, scale: float) -> Any:
    return weight + up @ down


@slip("layers.merge_lora", "down and up swapped", "the factors are swapped: the first was taken for up")
def swapped(weight: Any, down: Any, up: Any, scale: float) -> Any:
    return weight + scale * (down.mT @ up.mT if weight.shape[0] == weight.shape[1] else up @ down)


@slip("layers.merge_lora", "alpha instead of alpha / rank", "scale was multiplied by the rank: that is alpha itself")
def merged_alpha(weight: Any, down: Any, up: Any, scale: float) -> Any:
    return weight + scale * len(down) * (up @ down)


@slip("layers.merge_lora", "divided by the rank again", "scale is alpha / rank already and was divided by the rank")
def merged_rank_twice(weight: Any, down: Any, up: Any, scale: float) -> Any:
    return weight + scale / len(down) * (up @ down)


@slip("layers.merge_lora", "everything scaled", "the weight is multiplied by scale as well")
def merged_all_scaled(weight: Any, down: Any, up: Any, scale: float) -> Any:
    return scale * (weight + up @ down)


@slip("layers.merge_lora", "correction subtracted", "the correction is subtracted: that is taking it out again")
def merged_subtracted(weight: Any, down: Any, up: Any, scale: float) -> Any:
    return weight - scale * (up @ down)


@slip("layers.merge_lora", "correction alone", "the weight itself is missing")
def merged_alone(weight: Any, down: Any, up: Any, scale: float) -> Any:
    return 0 * weight + scale * (up @ down)


@slip("layers.merge_lora", "first direction only", "only the first of the rank directions is added")
def first_direction(weight: Any, down: Any, up: Any, scale: float) -> Any:
    return weight + scale * torch.outer(up[:, 0], down[0])


@slip("layers.merge_lora", "scale left out of the gradients", "ddown and dup lack the factor scale", backward=True)
def merged_unscaled_gradients(dmerged: Any, weight: Any, down: Any, up: Any, scale: float) -> Any:
    return dmerged, up.T @ dmerged, dmerged @ down.T
