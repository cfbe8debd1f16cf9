"""The shape of a model, and its design: which variant of each part it is built from."""

from dataclasses import dataclass, fields
from math import isfinite
from typing import Literal, get_args, get_origin

from llm_layers.interface import LayersError
from llm_layers.layers.rotary_scaling import RotaryScaling

Norm = Literal["rms", "rms_unit_offset", "layer"]
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
        query_key_norm: queries and keys normalized per head, over all heads at once, or not at all.
        positions: queries and keys rotated by their position, or a learned vector added to the embedding.
        feed_forward: gated by SiLU or by GELU; or plain with GELU or with squared ReLU.
        biases: which linear layers add a bias: none; those of queries, keys and values; or all of attention and of
            the feed-forward part. The head has none.
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


CHOICES = {field.name: get_args(field.type) for field in fields(Design) if get_origin(field.type) is Literal}
"""The values that each choice of a design may have."""

GPT2 = Design(family="gpt2", norm="layer", positions="learned", feed_forward="gelu", biases="all")
LLAMA = Design(family="llama")
MISTRAL = Design(family="mistral")
QWEN2 = Design(family="qwen2", biases="query_key_value")
QWEN3 = Design(family="qwen3", query_key_norm="head")
QWEN3_MOE = Design(family="qwen3_moe", query_key_norm="head")
OLMO2 = Design(family="olmo2", placement="after", query_key_norm="width")
GEMMA3 = Design(
    family="gemma3",
    norm="rms_unit_offset",
    placement="around",
    query_key_norm="head",
    feed_forward="geglu",
    scaled_embedding=True,
)

DESIGNS = (GPT2, LLAMA, MISTRAL, QWEN2, QWEN3, QWEN3_MOE, OLMO2, GEMMA3)


@dataclass(frozen=True, kw_only=True)
class Experts:
    """The shape of a mixture of experts that stands in the place of each feed-forward part.

    Args:
        count: how many experts there are.
        per_token: how many of them work on a token.
        d_expert: width inside one expert.
        norm_topk_prob: True when the weights of the chosen experts are renormalized to add up to one.
    """

    count: int
    per_token: int
    d_expert: int
    norm_topk_prob: bool = True

    def __post_init__(self) -> None:
        _check_numbers(self)
        if self.per_token > self.count:
            raise LayersError(f"per_token must be at most count, {self.count}, but was {self.per_token}")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Every number that decides the shape and the arithmetic of a `Decoder`.

    Args:
        vocab_size: how many token ids there are.
        d_model: width of the residual stream.
        layers: number of transformer blocks.
        heads: number of query heads.
        kv_heads: number of key/value heads; each serves `heads / kv_heads` query heads.
        d_head: width of one head; even, because rotary positions rotate pairs.
        d_ff: width inside the feed-forward part; with `experts`, which have a `d_expert` of their own, it is only kept
            for the files.
        context_length: how many positions the model may look at.
        rope_base: slowest rotary wavelength is about 2π times this many positions.
        norm_eps: what keeps the norms from dividing by zero.
        tied_embeddings: True when the output head is the embedding table.
        design: which variant of each part is used, and so the family that the model belongs to.
        rope_scaling: how the rotary frequencies were lowered to a longer context; None for not at all.
        window: how many positions back a token may look, its own included; None for all of them.
        global_layers: indices of the blocks that look at everything although there is a window.
        local_rope_base: rotary base of the blocks with a window, where it is another one.
        query_pre_attn_scalar: the attention scores are divided by the root of this; None for `d_head`.
        attn_logit_softcap: attention scores are held between ± this; None for no limit.
        final_logit_softcap: logits are held between ± this; None for no limit.
        experts: a mixture of experts instead of one feed-forward part.

    Raises:
        LayersError: naming the field, what it must be and what it was.
    """

    vocab_size: int
    d_model: int
    layers: int
    heads: int
    kv_heads: int
    d_head: int
    d_ff: int
    context_length: int
    rope_base: float = 10000.0
    norm_eps: float = 1e-6
    tied_embeddings: bool = False
    design: Design = QWEN3
    rope_scaling: RotaryScaling | None = None
    window: int | None = None
    global_layers: tuple[int, ...] = ()
    local_rope_base: float | None = None
    query_pre_attn_scalar: int | None = None
    attn_logit_softcap: float | None = None
    final_logit_softcap: float | None = None
    experts: Experts | None = None

    def __post_init__(self) -> None:
        _check_numbers(self)
        if self.d_head % 2 and self.design.positions == "rotary":
            raise LayersError(
                f"d_head must be even, because rotary positions rotate pairs of elements, but was {self.d_head}"
            )
        if self.heads % self.kv_heads:
            raise LayersError(
                f"heads must be a multiple of kv_heads, but was {self.heads} with kv_heads {self.kv_heads}"
            )
        if any(type(layer) is not int or not 0 <= layer < self.layers for layer in self.global_layers):
            raise LayersError(
                f"global_layers must be indices of blocks from 0 to {self.layers - 1}, but was {self.global_layers!r}"
            )
        self._refuse_settings_without_effect()

    def _refuse_settings_without_effect(self) -> None:
        # No loop over the blocks: a damaged file may name billions of them.
        windowed = 0 if self.window is None else self.layers - len(set(self.global_layers))
        rotary = self.design.positions == "rotary"
        always: dict[str, tuple[bool, object, str]] = {  # setting: (has an effect, its default, what is missing)
            "global_layers": (self.window is not None, (), "window is None, so every block sees everything"),
            "window": (windowed > 0 or self.window is None, None, "global_layers names every block"),
            "local_rope_base": (windowed > 0 and rotary, None, "no block has a window and rotary positions"),
            "rope_base": (rotary, 10000.0, "the design has learned positions"),
            "rope_scaling": (
                rotary and not (windowed == self.layers and self.local_rope_base is not None),
                None,
                "no block uses rope_base",
            ),
        }
        for name, (has_effect, default, why) in always.items():
            if not has_effect and getattr(self, name) != default:
                raise LayersError(
                    f"{name} must be {default!r} where it has no effect, but was {getattr(self, name)!r}: {why}"
                )
        if self.experts is not None and self.design.feed_forward != "swiglu":
            raise LayersError(
                f"feed_forward of the design must be swiglu with experts, but was {self.design.feed_forward}: "
                "every expert is a SwiGLU"
            )
        if self.experts is not None and self.design.biases == "all":
            raise LayersError(
                "biases of the design must be none or query_key_value with experts, but was all: experts have no biases"
            )

    def window_of(self, layer: int) -> int | None:
        """How many positions back a block may look; None for all."""
        return None if layer in self.global_layers else self.window


def _check_numbers(config: ModelConfig | Experts) -> None:
    for field in fields(config):
        value = getattr(config, field.name)
        if value is None and field.type in (int | None, float | None):
            continue
        if field.type in (int, int | None) and (type(value) is not int or value < 1):
            raise LayersError(f"{field.name} must be a whole number of at least 1, but was {value!r}")
        if field.type in (float, float | None) and not (type(value) in (int, float) and isfinite(value) and value > 0):
            raise LayersError(f"{field.name} must be a number above 0, but was {value!r}")
        if field.type is bool and type(value) is not bool:
            raise LayersError(f"{field.name} must be true or false, but was {value!r}")
