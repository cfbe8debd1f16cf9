"""The epsilon of a norm, read off its output."""

from typing import Any

import torch
from torch import Tensor

from llm_layers.inspection.causes.hypothesis import Mismatch


def epsilon_setting(
    mismatch: Mismatch, point: str, x: Tensor, gain: Tensor, bias: Tensor | None = None
) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Return the setting of the epsilon that B would have if nothing else differed; nothing if there is no such one."""
    config, y = mismatch.config, mismatch.b.values.get(point)
    if y is None or y.shape != x.shape:
        return ()
    x, y, gain = x.double(), y.double(), gain.double()
    x = x - x.mean(-1, keepdim=True) if config.design.norm == "layer" else x
    y = y if bias is None else y - bias.double()
    # y = gain · x / √(mean square + eps): one factor per vector, from all of its values; then the median over the
    # quarter of the vectors with the smallest mean square, which show an epsilon best.
    wanted, square = x * gain, x.square().mean(-1, keepdim=True)
    factors = (wanted * y).sum(-1, keepdim=True) / wanted.square().sum(-1, keepdim=True).clamp(min=1e-300)
    found = (factors.clamp(min=1e-30) ** -2 - square).flatten()
    smallest = square.flatten().argsort()[: max(1, found.numel() // 4)]
    eps = torch.nanmedian(found[smallest]).item()
    if not eps > 0:
        return ()
    eps = float(f"{eps:.3g}")
    says = f"{{b}} adds {eps:g} to the mean square in {point}, {{a}} adds {config.norm_eps:g}"
    return (("another epsilon", says, {"eps": eps}),)
