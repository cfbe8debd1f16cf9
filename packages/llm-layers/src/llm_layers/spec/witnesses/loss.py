"""Loss through torch's own kernels."""

from typing import Any

from torch.nn import functional as F


def cross_entropy(logits: Any, targets: Any, ignored: int) -> Any:
    loss = F.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=ignored, reduction="none"
    )
    return loss.sum() / max(1, int((targets != ignored).sum()))
