"""Block: correct implementations written otherwise."""

from typing import Any

import torch

from llm_layers.spec import fast as our
from llm_layers.spec.ours import block
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.block")


@variant("one sequence at a time")
def one_at_a_time(x: Any, *rest: Any) -> Any:
    return torch.cat([block(row[None], *rest) for row in x])


VARIANTS.of("layers.block")("our fast kernels")(our.block)
