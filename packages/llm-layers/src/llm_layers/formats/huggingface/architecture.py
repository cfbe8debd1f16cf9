"""How a public family of models names its settings and weights, as tables; read both ways by one piece of code."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from llm_layers.config import Design, ModelConfig
from llm_layers.formats.huggingface.rope import ROPE_KEYS, read_rope, write_rope
from llm_layers.interface import LayersError

# Settings of any family that never change a logit.
WITHOUT_EFFECT = frozenset(
    (
        "_name_or_path", "architectures", "attn_implementation", "auto_map", "bos_token_id", "cache_implementation",
        "dtype", "eos_token_id", "id2label", "initializer_range", "label2id", "output_attentions",
        "output_hidden_states", "pad_token_id", "pretraining_tp", "problem_type", "return_dict", "torch_dtype",
        "transformers_version", "use_cache",
    )
)  # fmt: skip

# Settings that any family's file may hold, with the one value that changes nothing.
NEUTRAL: dict[str, Any] = {
    "add_cross_attention": False,
    "attention_dropout": 0.0,
    "chunk_size_feed_forward": 0,
    "is_decoder": False,
    "is_encoder_decoder": False,
    "pruned_heads": {},
    "quantization_config": None,
}


MISSING = object()


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One family: its settings in `config.json` and its names in `model.safetensors`.

    Args:
        design: what it is built from.
        model_type: its name in `config.json`.
        class_name: the class of transformers that reads it.
        fields: setting in `config.json` -> field of `ModelConfig`.
        defaults: what a setting is when the file leaves it out: a value, or a function of all settings.
        fixed: settings with one value that this family's `Decoder` can express; another one is refused.
        without_effect: settings that never change a logit, beyond those of every family.
        names: weight of our `Decoder` -> its public name; "#" stands for the number of the block, "@" for that of an
            expert (our weight holds all experts, the file one at a time).
        ignored: names in old files that hold no weight.
    """

    design: Design
    model_type: str
    class_name: str
    fields: Mapping[str, str]
    names: Mapping[str, str]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    without_effect: frozenset[str] = frozenset()
    ignored: str = r"rotary_emb\.inv_freq$"

    def read_settings(self, settings: Mapping[str, Any]) -> ModelConfig:
        """Read `config.json`; all that could change the result is either understood or refused.

        Raises:
            LayersError: for a missing or unknown setting, or one with a value that this model cannot express.
        """
        fixed = {**NEUTRAL, **self.fixed}
        for key, value in fixed.items():
            if settings.get(key, value) not in (value, None):
                raise LayersError(f"{key} in config.json must be {value!r} for this model, but was {settings[key]!r}")
        known = self.fields.keys() | fixed.keys() | WITHOUT_EFFECT | self.without_effect | self.further_settings
        unknown = sorted(settings.keys() - known - {"model_type"})
        if unknown:
            raise LayersError(
                f"config.json holds settings that this package does not know and that could change the result: "
                f"{', '.join(unknown)}; remove them if they have no effect"
            )
        values = {ours: self._setting(settings, public) for public, ours in self.fields.items()}
        missing = sorted(public for public, ours in self.fields.items() if values[ours] is MISSING)
        if missing:
            raise LayersError(f"config.json must hold {', '.join(missing)}, but does not: add what is missing")
        return ModelConfig(**values, **self.read_further(settings, values), design=self.design)

    def _setting(self, settings: Mapping[str, Any], public: str) -> Any:
        found = settings.get(public)
        if found is not None:
            return found
        default = self.defaults.get(public, MISSING)
        return default(settings) if callable(default) else default

    def write_settings(self, config: ModelConfig, *, dtype: str = "float32") -> dict[str, Any]:
        """Give the content of `config.json`; `dtype` is that of the weights.

        Raises:
            LayersError: naming what this family cannot express.
        """
        settings = {
            "architectures": [self.class_name],
            "model_type": self.model_type,
            **{public: getattr(config, ours) for public, ours in self.fields.items()},
            **self.fixed,
            **self.write_further(config),
            "dtype": dtype,
            "torch_dtype": dtype,  # the old key, for older readers
            "use_cache": True,
        }
        expressed = self.read_settings(settings)
        for name in vars(config):
            wanted, found = getattr(config, name), getattr(expressed, name)
            if wanted != found:
                raise LayersError(
                    f"{name} must be {found!r} in a model that is saved as {self.model_type}, but was {wanted!r}: "
                    "that format has no way to say it"
                )
        return settings

    @property
    def further_settings(self) -> frozenset[str]:
        """Settings that `read_further` understands."""
        return ROPE_KEYS

    def read_further(self, settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Give the fields of `ModelConfig` that do not stand in a single setting: here the rotary positions."""
        base, scaling = read_rope(settings, values["context_length"])
        return {"rope_base": base, "rope_scaling": scaling}

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Give the settings that `read_further` reads."""
        return write_rope(config.rope_base, config.rope_scaling)

    def public_name(self, name: str) -> str:
        """Give the name that a weight of our `Decoder` has in a file."""
        number = re.search(r"\.(\d+)\.", name)
        template = name if number is None else name.replace(number[0], ".#.", 1)
        if template not in self.names:
            raise LayersError(f"{name} cannot be written as {self.model_type}: that format has no such weight")
        return self.names[template] if number is None else self.names[template].replace("#", number[1])

    def to_public(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Give our weights under their public names and in their public shapes."""
        public: dict[str, Tensor] = {}
        for name, weight in weights.items():
            shown = self.public_name(name)
            if "@" in shown:
                public |= {shown.replace("@", str(expert)): part for expert, part in enumerate(weight)}
            else:
                public[shown] = weight
        return public

    def from_public(self, public: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        """Give the weights with these names of ours, out of a file's; the inverse of `to_public`."""
        weights: dict[str, Tensor] = {}
        for name in names:
            shown = self.public_name(name)
            if "@" in shown:
                count = sum(1 for key in public if re.fullmatch(re.escape(shown).replace("@", r"\d+"), key))
                weights[name] = torch.stack([public[shown.replace("@", str(expert))] for expert in range(count)])
            else:
                weights[name] = public[shown]
        return weights

    def stored_name(self, name: str) -> str | None:
        """Give the present public name of a tensor in a file; None for one that holds no weight."""
        return None if re.search(self.ignored, name) else name


def width_of_a_head(settings: Mapping[str, Any]) -> int:
    """Give the width of a head in files that do not say it: the model's width, shared out."""
    width, heads = settings.get("hidden_size"), settings.get("num_attention_heads")
    if type(width) is not int or type(heads) is not int or heads < 1 or width % heads:
        raise LayersError(
            "config.json must hold head_dim, or a hidden_size that is a multiple of num_attention_heads, "
            f"but held hidden_size {width!r} and num_attention_heads {heads!r}"
        )
    return width // heads
