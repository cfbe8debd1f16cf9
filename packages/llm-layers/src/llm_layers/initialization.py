"""Start values: where training begins."""

import torch
from torch import nn


def initialize(model: nn.Module, generator: torch.Generator | None = None) -> None:
    """Fill a `Decoder`'s weights with start values.

    | weight | start value |
    |---|---|
    | norm gains | 1 |
    | query, key, value, gate, up | truncated normal, standard deviation 1/√(inputs) |
    | attention output, feed-forward down | 0 |
    | embedding | normal, standard deviation 1; 1/d_model when it is the head too |
    | head | 0 |

    Why it works:
        With 1/√(inputs) a vector of size one stays of size one through every matrix. With zero at the end of each
        branch every block starts as the identity, so the stream at the head is the embedding and the gradient reaches
        all blocks unweakened. With logits that are zero (nearly zero when tied) the first loss is ln(vocab), the loss
        of an even guess: no steps are lost on unlearning a random opinion.

    Args:
        model: a `Decoder`; weights on the meta device are left as they are.
        generator: source of the random numbers; None takes torch's global one.

    Source: Zhang et al. 2019, "Fixup Initialization", arXiv:1901.09321; Bachlechner et al. 2020, arXiv:2003.04887.
    """
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.is_meta:
                continue
            if name.endswith("gain"):
                weight.fill_(1)
            elif name.endswith(("attention.output.weight", "feed_forward.down.weight", "head.weight")):
                weight.zero_()
            elif name == "embedding.table":
                tied = getattr(model, "head", None) is None
                weight.normal_(0, 1 / weight.shape[1] if tied else 1, generator=generator)
            else:
                deviation = weight.shape[1] ** -0.5
                nn.init.trunc_normal_(weight, std=deviation, a=-3 * deviation, b=3 * deviation, generator=generator)
