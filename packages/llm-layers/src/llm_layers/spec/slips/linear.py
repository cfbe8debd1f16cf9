"""Mistakes with linear layers."""

from typing import Any

from torch.nn import functional as F

from llm_layers.reference import linear_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.linear")
slip("weight transposed", "the weight is taken as (in, out): columns are used where rows belong")(
    lambda x, weight, bias: F.linear(x, weight.T, bias)
)
slip("bias forgotten", "the bias is not added")(
    lambda x, weight, bias: F.linear(x, weight) + (0 if bias is None else 0 * bias)
)
slip("bias on the input", "the bias is added to x before the product")(
    lambda x, weight, bias: F.linear(x if bias is None else x + bias, weight)
)
slip("no bias refused", "a bias of None raises an error instead of adding nothing")(
    lambda x, weight, bias: F.linear(x, weight) + bias
)
slip("dx through the rows", "dx is dy Wᵀ, the forward product again, not dy W", backward=True)(
    lambda dy, x, weight, bias: (dy @ weight.T, *linear_backward(dy, x, weight, bias)[1:])
)


@slip("weight gradient transposed", "dW is (in, out): x dyᵀ where dy xᵀ belongs", backward=True)
def gradient_transposed(dy: Any, x: Any, weight: Any, bias: Any) -> Any:
    dx, dweight, dbias = linear_backward(dy, x, weight, bias)
    return dx, dweight.T, dbias


@slip("gradients averaged", "dW and db are means over the vectors, not sums", backward=True)
def averaged(dy: Any, x: Any, weight: Any, bias: Any) -> Any:
    dx, dweight, dbias = linear_backward(dy, x, weight, bias)
    count = max(dy.size // max(dy.shape[-1], 1), 1)
    return dx, dweight / count, dbias / count
