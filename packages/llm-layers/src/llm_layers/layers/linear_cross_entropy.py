"""Cross-entropy of the head, without ever holding all logits."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from llm_layers.interface import LayersError
from llm_layers.layers.loss import IGNORE_INDEX, counted_weights
from llm_layers.layers.precision import apply, at_least_float32, in_one_dtype, is_slow, product, under_autocast, wide

LOGITS = 2**25
"""How many logits are held at a time: 128 MB in float32. With fewer the products become small and slow."""
BLOCK = 2**20
"""How many logits are turned into gradients at a time: few enough to stay in the processor's cache."""


def linear_cross_entropy(
    hidden: Float[Tensor, "*batch d_model"],
    head: Float[Tensor, "vocab d_model"],
    targets: Int[Tensor, "*batch"],
    ignored: int = IGNORE_INDEX,
    rows: int | None = None,
    z_weight: float = 0.0,
) -> Float[Tensor, ""]:
    """Compute `cross_entropy(hidden @ head.T, targets, ignored)` without ever holding all logits.

    Formula: loss = mean over counted i of  n[i] - z[i, targets[i]] + z_weight · n[i]²
        with z = hidden headᵀ and n[i] = log Σ exp(z[i]);  d hidden = d z head,  d head = d zᵀ hidden,
        d z = ((1 + 2 · z_weight · n) · softmax(z) - one-hot) / counted

    Why it works:
        The logits are the largest array of a small model: vocab values per position. Their gradient needs nothing
        but themselves and the targets, so it can be made right away, some rows at a time, in the memory of the logits,
        and only the gradients of `hidden` and of `head`, which are small, are kept for the backward pass. The work is
        the same three matrix products as with all logits at once; that for the gradient of `head`, which is as large as
        the head, adds to what is there while it runs, and so needs no array of its own.

    Args:
        hidden: the states before the head, `Decoder.hidden(tokens)`.
        head: the weight of the head, `Decoder.head_weight`.
        targets: ids of the right tokens, or `ignored`.
        ignored: the target value that does not count.
        rows: how many positions are worked on at a time, at least 1; None takes those of 2^25 logits, so that the
            memory is the same for every vocabulary. Fewer take less memory; many make the products faster.
        z_weight: how much of `z_loss` is added; 0 adds nothing.

    Raises:
        LayersError: when rows is less than 1.

    Spec: layers.linear_cross_entropy, layers.cross_entropy
    Source: Wijmans et al. 2024, "Cut Your Losses in Large-Vocabulary Language Models", arXiv:2411.09009.
    """
    total, count = linear_cross_entropy_sum(hidden, head, targets, ignored=ignored, rows=rows, z_weight=z_weight)
    return total / count.clamp(min=1)


def linear_cross_entropy_sum(
    hidden: Float[Tensor, "*batch d_model"],
    head: Float[Tensor, "vocab d_model"],
    targets: Int[Tensor, "*batch"],
    weights: Float[Tensor, "*batch"] | None = None,
    ignored: int = IGNORE_INDEX,
    rows: int | None = None,
    z_weight: float = 0.0,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Compute `cross_entropy_sum(hidden @ head.T, targets, weights, ignored)` without ever holding all logits.

    Formula: total = Σ over counted i of  w[i] (n[i] - z[i, targets[i]] + z_weight · n[i]²);  count = Σ of the same w

    Why it works:
        As `linear_cross_entropy`, which divides one by the other. A trainer that adds up the parts of a batch divides
        once, at the end; the gradients then need no pass of their own for the division.

    The arguments are those of `linear_cross_entropy`, and `weights`: how much each target counts; None counts each
    once.

    Raises:
        LayersError: when rows is less than 1, or the weights want a gradient, which is not computed here.

    Spec: layers.linear_cross_entropy_sum
    """
    if rows is None:
        rows = max(64, LOGITS // max(1, len(head)))
    if rows < 1:
        raise LayersError(f"rows must be at least 1, but was {rows}")
    if weights is not None and weights.requires_grad and torch.is_grad_enabled():
        raise LayersError("weights must not require a gradient here: detach them, or use cross_entropy_sum")
    # float16 as float32: the gradients, made before a loss scale is known, would fall below its smallest number.
    hidden, head = in_one_dtype(wide(hidden), wide(head))
    flat_hidden, flat_targets = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1).long()
    counted = counted_weights(flat_targets, weights, ignored, at_least_float32(hidden.dtype))
    # float64 is what autocast does not round: the weights of the losses must be those of the count.
    exact = counted.double() if under_autocast(hidden) else counted
    # Evaluation needs no gradient and is spared two of the three products.
    trained = torch.is_grad_enabled()
    total: Tensor = apply(_HeadCrossEntropy, flat_hidden, head, flat_targets, exact, rows, z_weight, trained)
    return total, counted.sum()


class _HeadCrossEntropy(torch.autograd.Function):
    """Loss and both gradients in one pass over the rows."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        hidden: Tensor,
        head: Tensor,
        targets: Tensor,
        weights: Tensor,
        rows: int,
        z_weight: float,
        trained: bool,
    ) -> Tensor:
        for_hidden, for_head = (trained and needed for needed in ctx.needs_input_grad[:2])  # type: ignore[attr-defined]
        working = at_least_float32(hidden.dtype)
        weights = weights.to(working)
        total = torch.zeros((), dtype=working, device=hidden.device)
        d_hidden = torch.empty_like(hidden) if for_hidden else None
        d_head = torch.zeros(head.shape, dtype=working, device=head.device) if for_head else None
        for start in range(0, len(targets), rows):
            part = slice(start, start + rows)
            logits = product(hidden[part], head.T)
            losses, d_logits = _logit_gradients(logits, targets[part], weights[part], head.dtype, z_weight)
            total += (losses * weights[part]).sum()
            if d_hidden is not None:
                d_hidden[part] = product(d_logits, head)
            if d_head is not None:
                _add_product(d_head, d_logits.T, hidden[part])
            del logits, d_logits
        ctx.save_for_backward(d_hidden, None if d_head is None else d_head.to(head.dtype))  # type: ignore[arg-type]
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        gradients: tuple[Tensor | None, ...] = ctx.saved_tensors  # type: ignore[attr-defined]
        # The usual upstream gradient is 1, and the gradient of the head too large to be copied for nothing.
        # (On an accelerator, asking for the value would make the processor wait.)
        if torch.compiler.is_compiling() or d_loss.device.type != "cpu" or d_loss.item() != 1:
            gradients = tuple(None if one is None else one * d_loss.to(one.dtype) for one in gradients)
        return *gradients, None, None, None, None, None


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    if is_slow(left.device, left.dtype):
        left, right = left.float(), right.float()
    if left.dtype == total.dtype:
        total.addmm_(left, right)
    else:
        total.add_(left @ right)


def _logit_gradients(
    logits: Tensor, targets: Tensor, weights: Tensor, dtype: torch.dtype, z_weight: float
) -> tuple[Tensor, Tensor]:
    """Each row's loss, and the logits' gradients, which take the place of the logits where the dtype allows it."""
    working = weights.dtype
    losses = torch.empty_like(weights)
    d_logits = logits if logits.dtype == dtype else torch.empty_like(logits, dtype=dtype)
    chosen = targets.where(weights != 0, 0)[:, None]
    # A compiler joins the steps by itself, and would write them out block by block.
    step = max(1, len(logits) if torch.compiler.is_compiling() else BLOCK // max(1, logits.shape[1]))
    for start in range(0, len(logits), step):
        part = slice(start, start + step)
        block = F.log_softmax(logits[part].to(working), dim=-1)
        log_probability = block.gather(1, chosen[part])
        losses[part] = -log_probability[:, 0]
        normalizer = logits[part].gather(1, chosen[part]).to(working) - log_probability if z_weight else None
        # d loss / d logits = weight · (probabilities - one-hot), and with z-loss d z² = 2 z · probabilities.
        block.exp_()
        if normalizer is not None:
            losses[part] += z_weight * normalizer[:, 0].square()
            block.mul_(1 + 2 * z_weight * normalizer)
        block.scatter_add_(1, chosen[part], torch.full_like(log_probability, -1))
        torch.mul(block, weights[part, None], out=d_logits[part])
    return losses, d_logits
