"""The loss scale, written otherwise."""

import numpy as np

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)


@VARIANTS.of("train.loss_scale")("the count first, a limit by float32 itself", arrays="numpy")
def count_first(
    scale: float, good_steps: int, found_inf: bool, growth: float, backoff: float, interval: int
) -> tuple[float, int]:
    count = 0 if found_inf else (good_steps + 1) % interval
    if found_inf:
        scale *= backoff
    elif count == 0:
        with np.errstate(over="ignore"):
            grown = np.float32(scale * growth)
        scale = scale * growth if np.isfinite(grown) else scale
    return float(scale), count
