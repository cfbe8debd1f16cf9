"""The logit lens: what a model would predict if it stopped after each layer."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers.inspection.inspected_model import InspectedModel, inspected_model
from llm_layers.inspection.recording import record
from llm_layers.interface import LayersError
from llm_layers.layers.attention import soft_cap


@dataclass(frozen=True, kw_only=True)
class Lens:
    """The prediction of each layer at each position. Row 0 is the embedding, row l what block l - 1 has left.

    Args:
        tokens: ids of the most likely tokens, [layer, position, top], the most likely first, of equally likely ones the
            lower id.
        probabilities: theirs.
        ranks: the rank of the token that follows in the text, [layer, position], 1 where no token is likelier; 0 at the
            last position, after which nothing is known.
        true_probabilities: the probability of the token that follows; NaN at the last position.
    """

    tokens: Tensor
    probabilities: Tensor
    ranks: Tensor
    true_probabilities: Tensor


def logit_lens(model: nn.Module | InspectedModel, ids: Int[Tensor, "batch position"], *, top: int = 5) -> Lens:
    """Read the residual stream after every layer as if it were the last.

    Formula: p[l] = softmax(head · norm(stream[l]))

    Why it works:
        Every block only adds to one stream, and the head reads that stream. So the head can read it earlier too, and
        what it reads is a guess in the making: for easy tokens it is settled after a few layers, hard ones change
        until the end. In early layers a direction need not mean what it means to the head, so take them with care.

    Args:
        model: a `Decoder` of any design, or a module with its names.
        ids: the text; of several texts the first is read.
        top: how many tokens to keep; of a smaller vocabulary all.

    Raises:
        LayersError: for a foreign model, a module without our names, or a `top` of less than 1.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens"; Belrose et al. 2023, arXiv:2303.08112.
    """
    inspected = inspected_model(model)
    if inspected.foreign:
        raise LayersError("the logit lens reads a Decoder, but was given a foreign model: load it with load_model")
    if top < 1:
        raise LayersError(f"top must be at least 1, but was {top}")
    recording = record(inspected, ids[:1], gradients=False)
    streams = torch.stack([x[0] for name, x in recording.values.items() if name.endswith(("resid_pre", "resid_post"))])
    with torch.inference_mode():
        logits = F.linear(inspected.module.get_submodule("final_norm")(streams), recording.head_weight)
        if inspected.config.final_logit_softcap is not None:
            logits = soft_cap(logits, inspected.config.final_logit_softcap)
        probabilities = torch.softmax(logits.float(), dim=-1)
        tokens = _most_likely(probabilities, min(top, probabilities.shape[-1]))
        true = probabilities[:, :-1].gather(-1, ids[0, 1:].expand(len(streams), -1)[..., None])
        ranks = (probabilities[:, :-1] > true).sum(-1) + 1
    return Lens(
        tokens=tokens.clone(),
        probabilities=probabilities.gather(-1, tokens).clone(),
        ranks=F.pad(ranks, (0, 1)),
        true_probabilities=F.pad(true[..., 0], (0, 1), value=float("nan")),
    )


def _most_likely(probabilities: Tensor, count: int) -> Tensor:
    """Return the ids of the largest, of equal ones the lower id first, where topk alone keeps any order."""
    # Floats of at least 0 are ordered as their bits are; with the id below the bits, no two of them are equal.
    ids = torch.arange(probabilities.shape[-1], device=probabilities.device)
    return ((probabilities.view(torch.int32).long() << 32) - ids).topk(count, dim=-1).indices
