"""The shape of a model: one frozen dataclass, checked when it is made."""

from dataclasses import dataclass, fields
from math import isfinite

from llm_layers.design import QWEN3, Design
from llm_layers.errors import LayersError
from llm_layers.rotary_scaling import RotaryScaling


@dataclass(frozen=True, kw_only=True)
class Experts:
    """The shape of a mixture of experts that stands in the place of each feed-forward part.

    Args:
        count: how many experts there are.
        per_token: how many of them work on a token.
        d_expert: width inside one expert.
        normalised: True when the shares of the chosen experts are made to add up to one.
    """

    count: int
    per_token: int
    d_expert: int
    normalised: bool = True

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
        d_head: width of one head; even, because rotary positions turn pairs.
        d_ff: width inside the feed-forward part.
        context_length: how many positions the model may look at.
        rope_base: slowest rotary wavelength is about 2π times this many positions.
        norm_eps: what keeps the norms from dividing by zero.
        tied_embeddings: True when the output head is the embedding table.
        design: which variant of each part is used, and so the family that the model belongs to.
        rope_scaling: how the rotary speeds were stretched to a longer context; None for not at all.
        window: how many positions back a token may look, its own included; None for all of them.
        full_layers: numbers of the blocks that look at everything although there is a window.
        local_rope_base: rotary base of the blocks with a window, where it is another one.
        score_width: the attention scores are divided by the root of this; None for `d_head`.
        score_cap: attention scores are held between ± this; None for no limit.
        logit_cap: logits are held between ± this; None for no limit.
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
    full_layers: tuple[int, ...] = ()
    local_rope_base: float | None = None
    score_width: int | None = None
    score_cap: float | None = None
    logit_cap: float | None = None
    experts: Experts | None = None

    def __post_init__(self) -> None:
        _check_numbers(self)
        if self.d_head % 2 and self.design.positions == "rotary":
            raise LayersError(
                f"d_head must be even, because rotary positions turn pairs of numbers, but was {self.d_head}"
            )
        if self.heads % self.kv_heads:
            raise LayersError(
                f"heads must be a multiple of kv_heads, but was {self.heads} with kv_heads {self.kv_heads}"
            )
        if any(type(layer) is not int or not 0 <= layer < self.layers for layer in self.full_layers):
            raise LayersError(
                f"full_layers must be numbers of blocks from 0 to {self.layers - 1}, but was {self.full_layers!r}"
            )

    def window_of(self, layer: int) -> int | None:
        """How many positions back a block may look; None for all."""
        return None if layer in self.full_layers else self.window


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
