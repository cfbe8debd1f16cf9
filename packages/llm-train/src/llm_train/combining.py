"""The accumulation rule: however a batch is cut, its loss and gradient are those of the whole."""

from collections.abc import Iterable

from torch import Tensor

from llm_train.interface import Part


def combine(parts: Iterable[Part]) -> tuple[float, dict[str, Tensor], float]:
    """Return the mean loss over all counted targets of all parts, its gradients, and how many targets counted.

    Formula:
        count = Σ countₖ;  loss = Σ sumₖ / count;  gradient = Σ gradientₖ / count

    Why it works:
        A batch may be cut into parts: for the threads of a processor, for the passes that fit into memory one after the
        other, for many machines. The mean over the whole batch is the sum of all losses divided by the number of all
        counted targets, and the same holds for the gradient, which is a sum too. The mean of the parts' means is
        something else as soon as the parts have different counts, as they do where targets are masked: a target in
        a sparse part would weigh more than one in a full part. So parts bring sums, and are divided once, at the end.

        The parts may come from a generator: no more than one is held beside the sums.

    Args:
        parts: in a fixed order, which decides how the sums are rounded.

    Returns:
        The loss, the gradients and the count. Where the count is 0, loss and gradients are 0: nothing was to be
        learned, and no update may be made, since momentum and decay would move the weights even so.

    Spec: train.combine
    """
    loss_sum, count = 0.0, 0.0
    total: dict[str, Tensor] = {}
    for part_sum, part_count, gradients in parts:
        loss_sum, count = loss_sum + part_sum, count + part_count
        for name, gradient in gradients.items():
            total[name] = total[name] + gradient if name in total else gradient
    divisor = count or 1.0
    return loss_sum / divisor, {name: gradient / divisor for name, gradient in total.items()}, count
