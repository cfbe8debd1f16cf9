"""Decoder: correct implementations written otherwise."""

from typing import Any

import torch

from llm_layers import FUSED, Decoder, read_settings
from llm_layers.formats.huggingface.registry import architecture_of
from llm_layers.spec import fast as our
from llm_layers.spec.slips.torch_decoder import TorchDecoder
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.decoder")
variant("one text at a time")(
    lambda ids, settings, layout, weights: torch.cat(
        [TorchDecoder(settings, layout, weights).logits(row[None]) for row in ids]
    )
)


@variant("our fused attention")
def fused(ids: Any, settings: Any, layout: Any, weights: Any) -> Any:
    with torch.device("meta"):
        model = Decoder(read_settings(settings), kernels=FUSED)
    witness = TorchDecoder(settings, layout, weights)
    ours = architecture_of(model.config).from_public(witness.w, dict(model.named_parameters()))
    return torch.func.functional_call(model, ours, (ids,))


VARIANTS.of("layers.decoder")("our fast kernels")(our.decoder)
