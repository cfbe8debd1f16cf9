"""Attention maps: which share of its attention each position gives to each other one."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from llm_layers.inspection.inspected_model import InspectedModel, KernelCall, inspected_model
from llm_layers.inspection.recording import HIDDEN
from llm_layers.layers.attention import soft_cap, softmax


def attention_maps(model: nn.Module | InspectedModel, ids: Int[Tensor, "batch position"]) -> list[Tensor]:
    """Give the attention shares of every head.

    Why it works:
        What a head looks at is decided by its queries, its keys and the mask, and all of them go through one function,
        the kernel. It is wrapped for this one call, and the shares are worked out from what it was given, in the
        clear way. So the maps are the same whether the model runs the clear kernel or one that never holds the shares.

    Args:
        model: a `Decoder` of any design, a module with its names, or one from `load_transformers`.
        ids: the text; of several texts the first is shown.

    Returns:
        One tensor [heads, query, key] a block, in float32. Each row adds up to one, or to zero where a position
        sees nothing.

    Raises:
        LayersError: for a module without our names.
    """
    subject = inspected_model(model)
    calls: dict[int, KernelCall] = {}

    def note(call: KernelCall) -> None:
        calls[call.layer] = call

    was_training = subject.module.training
    try:
        subject.module.eval()
        with torch.inference_mode(), subject.kernels(note):
            subject.logits(ids[:1])
    finally:
        subject.module.train(was_training)
    return [shares_of(calls[layer], subject.config.attn_logit_softcap) for layer in sorted(calls)]


def shares_of(call: KernelCall, cap: float | None) -> Tensor:
    """Work out the shares of the first text, [heads, query, key], from what a kernel was given."""
    query, key = call.query.float(), call.key.float()
    if query.dim() == 4:  # heads that are not in groups: (batch, heads, position, d_head)
        key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scores = (query * call.scale) @ key.mT
    scores = scores if cap is None else soft_cap(scores, cap)
    if call.mask is None:
        return softmax(scores)[0].reshape(-1, *scores.shape[-2:]).clone()
    visible = call.mask if call.mask.dtype == torch.bool else call.mask > HIDDEN
    shares = softmax(scores.masked_fill(~visible, torch.finfo(scores.dtype).min)) * visible
    return shares[0].reshape(-1, *shares.shape[-2:]).clone()
