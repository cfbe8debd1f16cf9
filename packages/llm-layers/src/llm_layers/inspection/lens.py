"""The logit lens: what a model would say if it had to answer after each layer."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers.inspection.causes.hypothesis import head_of
from llm_layers.inspection.inspected_model import InspectedModel, inspected_model
from llm_layers.inspection.recording import record
from llm_layers.interface import LayersError
from llm_layers.layers.attention import soft_cap


@dataclass(frozen=True, kw_only=True)
class Lens:
    """What each layer would answer at each position. Row 0 is the embedding, row l what block l - 1 has left.

    Args:
        tokens: ids of the likeliest tokens, [layer, position, top], the likeliest first, of equally likely ones the
            lower id.
        probabilities: theirs.
        ranks: how many tokens are likelier than the one that follows in the text, plus one, [layer, position]; 0 at
            the last position, after which nothing is known.
        chances: the probability of the one that follows; NaN at the last position.
    """

    tokens: Tensor
    probabilities: Tensor
    ranks: Tensor
    chances: Tensor


def logit_lens(model: nn.Module | InspectedModel, ids: Int[Tensor, "batch position"], *, top: int = 5) -> Lens:
    """Read the stream behind every layer as if it were the last.

    Formula: p[l] = softmax(head · norm(stream[l]))

    Why it works:
        Every block only adds to one stream, and the head reads that stream. So the head can read it earlier too, and
        what it reads is a hypothesis in the making: for easy tokens it is settled after a few layers, hard ones change
        until the end. Early layers need not mean by a direction what the head means by it; take what they say with
        care.

    Args:
        model: a `Decoder` of any design, or a module with its names.
        ids: the text; of several texts the first is read.
        top: how many tokens to keep; of a smaller vocabulary all.

    Raises:
        LayersError: for a foreign model, a module without our names, or a `top` of less than 1.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens"; Belrose et al. 2023, arXiv:2303.08112.
    """
    subject = inspected_model(model)
    if subject.foreign:
        raise LayersError("the logit lens reads a Decoder, but was given a foreign model: load it with load_model")
    if top < 1:
        raise LayersError(f"top must be at least 1, but was {top}")
    recording = record(subject, ids[:1], gradients=False)
    layers = subject.config.layers
    points = [f"blocks.{layer}.resid_pre" for layer in range(layers)] + ["resid_post"]
    residuals = torch.stack([recording.values[point][0] for point in points])
    final_norm = subject.module.get_submodule("final_norm")
    with torch.inference_mode():
        logits = F.linear(final_norm(residuals), head_of(recording))
        if subject.config.final_logit_softcap is not None:
            logits = soft_cap(logits, subject.config.final_logit_softcap)
        shares = torch.softmax(logits.float(), dim=-1)
        tokens = _likeliest(shares, min(top, shares.shape[-1]))
        following = ids[0, 1:].expand(layers + 1, -1)[..., None]
        chances = shares[:, :-1].gather(-1, following)
        ranks = (shares[:, :-1] > chances).sum(-1) + 1
    return Lens(
        tokens=tokens.clone(),
        probabilities=shares.gather(-1, tokens).clone(),
        ranks=F.pad(ranks, (0, 1)),
        chances=F.pad(chances[..., 0], (0, 1), value=float("nan")),
    )


def _likeliest(shares: Tensor, count: int) -> Tensor:
    """Give the ids of the largest shares, of equal ones the lower id first, where topk alone keeps any order."""
    # Floats of at least 0 are ordered as their bits are; with the id below the bits, no two numbers are equal.
    ordered = (shares.view(torch.int32).long() << 32) - torch.arange(shares.shape[-1], device=shares.device)
    return ordered.topk(count, dim=-1).indices
