"""Attention maps: the attention weights of every head."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from llm_layers.inspection.inspected_model import InspectedModel, KernelCall, inspected_model
from llm_layers.inspection.recording import HIDDEN, SoftmaxCalls, check_text
from llm_layers.layers.attention import attention, capped_attention


def attention_maps(model: nn.Module | InspectedModel, ids: Int[Tensor, "batch position"]) -> list[Tensor]:
    """Return the attention weights of every head.

    Why it works:
        What a head attends to is decided by its queries, its keys and the mask, and all of them are inputs of one
        function, the kernel. It is wrapped for this one call, and the weights are computed from its inputs with
        `attention`. So the maps are the same for `attention` and for a kernel that never holds the weights.

    Args:
        model: a `Decoder` of any design, a module with its names, or one from `load_transformers`.
        ids: the text; of several texts the first is used.

    Returns:
        One tensor [heads, query, key] a block, in float32. Each row adds up to one, or to zero where a position
        attends to nothing.

    Raises:
        LayersError: for a module without our names, and for no text.
    """
    inspected = inspected_model(model)
    check_text(ids, 1)
    calls: dict[int, KernelCall] = {}
    was_training = inspected.module.training
    try:
        inspected.module.eval()
        with torch.inference_mode(), inspected.watched(lambda call: calls.__setitem__(call.layer, call)):
            inspected.logits(ids[:1])
    finally:
        inspected.module.train(was_training)
    with torch.inference_mode():
        return [_weights(calls[layer], inspected.config.attn_logit_softcap) for layer in sorted(calls)]


def _weights(call: KernelCall, cap: float | None) -> Tensor:
    query, key, mask = call.query.float() * call.scale * call.query.shape[-1] ** 0.5, call.key.float(), call.mask
    if query.dim() == 4:  # heads that are not in groups
        key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    if mask is not None and mask.dtype != torch.bool:
        mask = mask > HIDDEN
    with SoftmaxCalls() as softmax:
        if cap is None:
            attention(query, key, key, mask)
        else:
            capped_attention(query, key, key, mask, cap)
    weights: Tensor = softmax.calls[-1][1] if mask is None else softmax.calls[-1][1] * mask
    return weights[0].reshape(-1, *weights.shape[-2:]).clone()
