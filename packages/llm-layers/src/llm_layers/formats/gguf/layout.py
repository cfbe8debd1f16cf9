"""How a family of models lays out its settings and weights in GGUF: a table, read in both directions by one class."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_layers.config import Design, Experts, ModelConfig
from llm_layers.formats.gguf.blocks import Floats
from llm_layers.formats.gguf.rope_metadata import divisors_of, read_rope_metadata, write_rope_metadata
from llm_layers.formats.gguf.settings import Settings
from llm_layers.interface import LayersError

# Setting in GGUF -> field of ModelConfig, for all families.
COMMON = {
    "vocab_size": "vocab_size",
    "context_length": "context_length",
    "embedding_length": "d_model",
    "block_count": "layers",
    "feed_forward_length": "d_ff",
    "attention.head_count": "heads",
}
ROTATED = re.compile(r"\.attention\.(query|key)\.(weight|bias)$")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One family: its settings in the metadata and the names of its tensors.

    Args:
        name: what the format calls it.
        design: what it is built from.
        names: weight of our `Decoder` -> tensor in the file, "#" is the number of the block. Weights with the same
            tensor are stacked in it, in the order of this table.
        epsilon: the setting for `norm_eps`.
        interleaved: True where the two elements that are rotated as a pair are neighbors in the file. Ours are half a
            head apart, so the rows of the query and key weights are in another order.
        gain_offset: what the file adds to our stored norm gains.
        divided_frequencies: True where a tensor may hold divisors of the rotary frequencies.
        equal_heads: True where llama.cpp takes for granted that the heads divide the width of the model.
        own_head: True where llama.cpp never uses the embedding as the head.
    """

    name: str
    design: Design
    names: Mapping[str, str]
    epsilon: str = "attention.layer_norm_rms_epsilon"
    interleaved: bool = False
    gain_offset: float = 0.0
    divided_frequencies: bool = False
    equal_heads: bool = False
    own_head: bool = False

    def read_config(
        self, metadata: Mapping[str, Any], divisors: Floats | None, *, vocab: int, tied: bool
    ) -> ModelConfig:
        """Read the metadata; all that could change the result is either understood or refused.

        Args:
            metadata: of the file.
            divisors: the tensor that divides the rotary frequencies, where there is one.
            vocab: rows of the embedding.
            tied: whether the file lacks a head of its own.

        Raises:
            LayersError: for a missing or unknown setting, or one with a value that this model cannot express.
        """
        settings = Settings(metadata, self.name)
        settings.expect("vocab_size", vocab)
        settings.expect("attention.causal", True)
        settings.expect("tensor_data_layout", "Meta AI original pth")  # the order that `interleaved` speaks of
        values = {ours: settings.take(name, int) for name, ours in COMMON.items() if name != "vocab_size"}
        values |= {"vocab_size": vocab, "norm_eps": settings.take(self.epsilon, float)}
        values |= {"tied_embeddings": tied and not self.own_head, "experts": self.read_experts(settings, values)}
        values |= self.read_heads(settings, values)
        values |= self.read_further(settings, values, divisors)
        config = ModelConfig(**values, design=self.design)
        settings.finish()
        return config

    def write_config(self, config: ModelConfig) -> dict[str, Any]:
        """Return the metadata of a model.

        Raises:
            LayersError: naming what the format cannot express for this family.
        """
        if self.equal_heads and config.heads * config.d_head != config.d_model:
            raise LayersError(
                f"d_head must be d_model / heads, {config.d_model} / {config.heads}, in a GGUF file of the family "
                f"{self.name}, but was {config.d_head}: llama.cpp would refuse the file; save_model can write a folder"
            )
        entries = {name: getattr(config, ours) for name, ours in COMMON.items()}
        entries |= {self.epsilon: float(config.norm_eps)}
        entries |= self.write_experts(config) | self.write_heads(config) | self.write_further(config)
        metadata = {f"{self.name}.{name}": value for name, value in entries.items()}
        divisors = self.divisors(config)
        expressed = self.read_config(metadata, divisors, vocab=config.vocab_size, tied=config.tied_embeddings)
        for name in [field for field in vars(config) if field != "design"]:
            wanted, found = _meaning(config, name), _meaning(expressed, name)
            if not _same(wanted, found):
                raise LayersError(
                    f"{name} must be {found!r} in a GGUF file of the family {self.name}, but was {wanted!r}: "
                    "the format cannot express it; save_model can write the model as a folder"
                )
        return metadata

    def divisors(self, config: ModelConfig) -> Floats | None:
        """Return the tensor that divides the rotary frequencies, for a family that may have one."""
        return divisors_of(config) if self.divided_frequencies else None

    def read_experts(self, settings: Settings, values: Mapping[str, Any]) -> Experts | None:
        """Read the shape of a mixture of experts: here there is none."""
        settings.expect("expert_count", 0)
        settings.expect("expert_used_count", 0)
        return None

    def write_experts(self, config: ModelConfig) -> dict[str, Any]:
        """Return the settings that `read_experts` reads."""
        return {}

    def read_heads(self, settings: Settings, values: Mapping[str, Any]) -> dict[str, Any]:
        """Read the number of key heads and the width of a head; by default the heads divide the width of the model."""
        width, heads = values["d_model"], values["heads"]
        d_head = settings.take("attention.key_length", int, width // max(heads, 1))
        settings.expect("attention.value_length", d_head)
        return {"kv_heads": settings.take("attention.head_count_kv", int, heads), "d_head": d_head}

    def write_heads(self, config: ModelConfig) -> dict[str, Any]:
        """Return the settings that `read_heads` reads."""
        return {
            "attention.head_count_kv": config.kv_heads,
            "attention.key_length": config.d_head,
            "attention.value_length": config.d_head,
        }

    def read_further(self, settings: Settings, values: Mapping[str, Any], divisors: Floats | None) -> dict[str, Any]:
        """Read the fields that are spread over several settings: here the rotary positions."""
        base, scaling = read_rope_metadata(settings, values["d_head"], values["context_length"], divisors)
        return {"rope_base": base, "rope_scaling": scaling}

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Return the settings that `read_further` reads."""
        return write_rope_metadata(config)

    def groups(self, weights: Iterable[str]) -> dict[str, list[str]]:
        """Return for each tensor of the file the weights of ours that are stacked in it."""
        tables: dict[str, list[tuple[int, str]]] = {}
        order = list(self.names)
        for name in weights:
            number = re.search(r"\.(\d+)\.", name)
            template = name if number is None else name.replace(number[0], ".#.", 1)
            if template not in self.names:
                raise LayersError(f"{name} cannot be written as {self.name}: the format has no such weight")
            stored = self.names[template] if number is None else self.names[template].replace("#", number[1])
            tables.setdefault(stored, []).append((order.index(template), name))
        return {stored: [name for _, name in sorted(parts)] for stored, parts in tables.items()}

    def to_stored(self, name: str, weight: Floats, config: ModelConfig) -> Floats:
        """Return a weight of ours as the file holds it."""
        if name.endswith(".gain"):
            return weight + np.float32(self.gain_offset) if self.gain_offset else weight
        if self.interleaved and ROTATED.search(name):
            halves = weight.reshape(-1, 2, config.d_head // 2, *weight.shape[1:])
            return halves.swapaxes(1, 2).reshape(weight.shape)
        return weight

    def from_stored(self, name: str, weight: Floats, config: ModelConfig) -> Floats:
        """Return a weight of the file as ours is; the inverse of `to_stored`."""
        if name.endswith(".gain"):
            return weight - np.float32(self.gain_offset) if self.gain_offset else weight
        if self.interleaved and ROTATED.search(name):
            pairs = weight.reshape(-1, config.d_head // 2, 2, *weight.shape[1:])
            return pairs.swapaxes(1, 2).reshape(weight.shape)
        return weight


def stacked(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape of a tensor in which weights of these shapes are stacked."""
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def _meaning(config: ModelConfig, name: str) -> Any:
    """Return the value of a field, or what its absence means."""
    absent = {
        "query_pre_attn_scalar": config.d_head,
        "local_rope_base": None if config.window is None else config.rope_base,
    }
    value = getattr(config, name)
    return absent.get(name) if value is None else value


def _same(wanted: Any, found: Any) -> bool:
    """Return whether two values are equal, up to what float32 leaves of a fraction."""
    if isinstance(wanted, float) and isinstance(found, float):
        return abs(wanted - found) <= 1e-6 * abs(wanted)
    if type(wanted) is type(found) and hasattr(wanted, "__dict__"):
        return all(_same(value, vars(found)[name]) for name, value in vars(wanted).items())
    return bool(wanted == found)
