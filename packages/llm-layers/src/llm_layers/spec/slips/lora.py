"""Mistakes with low-rank corrections."""

from typing import Any

from torch.nn import functional as F

from llm_layers.reference.lora import lora_linear_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.lora_linear")
slip("scale forgotten", "the correction is not multiplied by scale")(
    lambda x, weight, down, up, scale: F.linear(x, weight) + F.linear(F.linear(x, down), up)
)
slip("divided by the rank again", "scale is alpha / rank already and was divided by the rank")(
    lambda x, weight, down, up, scale: F.linear(x, weight) + scale / len(down) * F.linear(F.linear(x, down), up)
)
slip("alpha instead of alpha / rank", "scale was multiplied by the rank: that is alpha itself")(
    lambda x, weight, down, up, scale: F.linear(x, weight) + scale * len(down) * F.linear(F.linear(x, down), up)
)
slip("scaled by alpha over the root", "scale was multiplied by √rank: rank-stabilized LoRA")(
    lambda x, weight, down, up, scale: F.linear(x, weight) + scale * len(down) ** 0.5 * F.linear(F.linear(x, down), up)
)
slip("everything scaled", "the product with the frozen weight is multiplied by scale as well")(
    lambda x, weight, down, up, scale: scale * (F.linear(x, weight) + F.linear(F.linear(x, down), up))
)
slip("correction alone", "the product with the frozen weight is missing")(
    lambda x, weight, down, up, scale: scale * F.linear(F.linear(x, down), up)
)
slip("down cut off", "no gradient reaches down: only up would learn")(
    lambda x, weight, down, up, scale: F.linear(x, weight) + scale * F.linear(F.linear(x, down.detach()), up)
)
slip("up cut off", "no gradient reaches up: from a start at zero nothing would ever be learned")(
    lambda x, weight, down, up, scale: F.linear(x, weight) + scale * F.linear(F.linear(x, down), up.detach())
)
slip("x cut off in the correction", "no gradient reaches x through the correction")(
    lambda x, weight, down, up, scale: F.linear(x, weight) + scale * F.linear(F.linear(x.detach(), down), up)
)


@slip("mean over the vectors", "down and up take the mean over all vectors", backward=True)
def mean_of_vectors(dy: Any, x: Any, *rest: Any) -> Any:
    dx, ddown, dup = lora_linear_backward(dy, x, *rest)
    count = max(x.size // x.shape[-1], 1)
    return dx, ddown / count, dup / count


slip = SLIPS.of("layers.merge_lora")
slip("scale forgotten", "the correction is added without scale")(lambda weight, down, up, scale: weight + up @ down)
slip("down and up swapped", "the factors are swapped: the first was taken for up")(
    lambda weight, down, up, scale: (
        weight + scale * (down.mT @ up.mT if weight.shape[0] == weight.shape[1] else up @ down)
    )
)
slip("everything scaled", "the weight is multiplied by scale as well")(
    lambda weight, down, up, scale: scale * (weight + up @ down)
)
slip("correction alone", "the weight itself is missing")(
    lambda weight, down, up, scale: 0 * weight + scale * (up @ down)
)
slip("scale left out of the gradients", "ddown and dup lack the factor scale", backward=True)(
    lambda dmerged, weight, down, up, scale: (dmerged, up.T @ dmerged, dmerged @ down.T)
)
