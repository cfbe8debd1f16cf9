"""The shape of a model: one frozen dataclass, checked when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

from llm_layers.errors import LayersError


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
        norm_eps: what keeps RMSNorm from dividing by zero.
        tied_embeddings: True when the output head is the embedding table.

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

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and (type(value) is not int or value < 1):
                raise LayersError(f"{field.name} must be a whole number of at least 1, but was {value!r}")
            if field.type is float and not (type(value) in (int, float) and isfinite(value) and value > 0):
                raise LayersError(f"{field.name} must be a number above 0, but was {value!r}")
            if field.type is bool and type(value) is not bool:
                raise LayersError(f"{field.name} must be true or false, but was {value!r}")
        if self.d_head % 2:
            raise LayersError(
                f"d_head must be even, because rotary positions turn pairs of numbers, but was {self.d_head}"
            )
        if self.heads % self.kv_heads:
            raise LayersError(
                f"heads must be a multiple of kv_heads, but was {self.heads} with kv_heads {self.kv_heads}"
            )

    @classmethod
    def from_hugging_face(cls, settings: Mapping[str, Any]) -> "ModelConfig":
        """Read the content of a Hugging Face `config.json`.

        Raises:
            LayersError: for another architecture, a missing or unknown key, or a setting this model cannot express.
        """
        from llm_layers.architectures import qwen3  # here, because that module needs this class

        return qwen3.read_settings(settings)

    def to_hugging_face(self, *, dtype: str = "float32") -> dict[str, Any]:
        """Give the content of the Hugging Face `config.json` of this shape; `dtype` is that of the weights."""
        from llm_layers.architectures import qwen3

        return qwen3.write_settings(self, dtype=dtype)
