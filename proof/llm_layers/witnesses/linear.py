"""The linear map through torch's own kernels."""

from typing import Any

from torch.nn import functional as F


def linear(x: Any, weight: Any, bias: Any) -> Any:
    return F.linear(x, weight, bias)
