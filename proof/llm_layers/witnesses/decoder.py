"""The decoder of every family, put together in torch (the slips replace its methods one at a time)."""

from typing import Any

from llm_layers.spec.slips.torch_decoder import TorchDecoder


def decoder(ids: Any, settings: Any, layout: Any, weights: Any) -> Any:
    return TorchDecoder(settings, layout, weights).logits(ids)
