"""What sets one family of models apart from another: which variant of each part it is built from.

All families are one machine, a stream of vectors with attention and feed-forward parts added to it. They differ in
seven choices; set side by side, they are easier to understand than nine separate models.
"""

from dataclasses import dataclass
from typing import Literal

from llm_layers.errors import LayersError

Norm = Literal["rms", "rms_from_one", "layer"]
Placement = Literal["before", "after", "around"]
QueryKeyNorm = Literal["none", "head", "width"]
Positions = Literal["rotary", "learned"]
FeedForward = Literal["swiglu", "geglu", "gelu", "relu_squared"]
Biases = Literal["none", "query_key_value", "all"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """The choices of one family.

    Args:
        family: the name under which files of this design are read and written; None for an experiment that no public
            tool can express.
        norm: RMSNorm; RMSNorm whose stored gain counts from one (Gemma); LayerNorm with a bias (GPT-2).
        placement: norms before each part, on what it gives back, or both.
        query_key_norm: queries and keys normalised per head, over all heads at once, or not at all.
        positions: queries and keys turned by their position, or a learned vector added to the embedding.
        feed_forward: gated by SiLU or by GELU; or plain with GELU or with squared ReLU.
        biases: which linear layers add a bias.
        scaled_embedding: the embedding is multiplied by √d_model, so that it is not drowned in the stream.
    """

    family: str | None
    norm: Norm = "rms"
    placement: Placement = "before"
    query_key_norm: QueryKeyNorm = "none"
    positions: Positions = "rotary"
    feed_forward: FeedForward = "swiglu"
    biases: Biases = "none"
    scaled_embedding: bool = False

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise LayersError(f"{name} must be one of {', '.join(choices)}, but was {getattr(self, name)!r}")


CHOICES: dict[str, tuple[str, ...]] = {
    "norm": Norm.__args__,  # type: ignore[attr-defined]
    "placement": Placement.__args__,  # type: ignore[attr-defined]
    "query_key_norm": QueryKeyNorm.__args__,  # type: ignore[attr-defined]
    "positions": Positions.__args__,  # type: ignore[attr-defined]
    "feed_forward": FeedForward.__args__,  # type: ignore[attr-defined]
    "biases": Biases.__args__,  # type: ignore[attr-defined]
}

GPT2 = Design(family="gpt2", norm="layer", positions="learned", feed_forward="gelu", biases="all")
LLAMA = Design(family="llama")
MISTRAL = Design(family="mistral")
QWEN2 = Design(family="qwen2", biases="query_key_value")
QWEN3 = Design(family="qwen3", query_key_norm="head")
QWEN3_MOE = Design(family="qwen3_moe", query_key_norm="head")
OLMO2 = Design(family="olmo2", placement="after", query_key_norm="width")
GEMMA3 = Design(
    family="gemma3",
    norm="rms_from_one",
    placement="around",
    query_key_norm="head",
    feed_forward="geglu",
    scaled_embedding=True,
)

DESIGNS = (GPT2, LLAMA, MISTRAL, QWEN2, QWEN3, QWEN3_MOE, OLMO2, GEMMA3)
