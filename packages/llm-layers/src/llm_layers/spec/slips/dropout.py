"""Mistakes with dropout."""

import numpy as np
import torch

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.dropout")
slip("no rescaling", "what is kept is not enlarged: the mean shrinks by the rate in training only")(
    lambda x, kept, rate: torch.where(kept, x, 0.0)
)
slip("divided by the rate", "divided by the rate, not by 1 - rate")(
    lambda x, kept, rate: torch.where(kept, x / rate if rate else x, 0.0)
)
slip("multiplied by 1 - rate", "shrunk by 1 - rate: that is the old paper's rule for inference")(
    lambda x, kept, rate: torch.where(kept, x * (1 - rate), 0.0)
)
slip("mask inverted", "True is taken for struck out")(lambda x, kept, rate: torch.where(kept, 0.0, x / (1 - rate)))
slip("scaled by the fraction kept", "divided by the fraction that this mask kept, not by 1 - rate")(
    lambda x, kept, rate: torch.where(kept, x / kept.double().mean().clamp(min=1e-9).to(x.dtype), 0.0)
)
slip("everything enlarged", "what is struck out is left as it was instead of set to zero")(
    lambda x, kept, rate: torch.where(kept, x / (1 - rate), x)
)
slip("gradient not masked", "the gradient of what was struck out flows on", backward=True)(
    lambda dy, x, kept, rate: dy / (1 - rate)
)
slip("gradient not enlarged", "the factor 1/(1 - rate) is left out of the gradient", backward=True)(
    lambda dy, x, kept, rate: np.where(kept, dy, 0)
)
