"""How a public family of models names its settings and weights: tables, read in both directions by one class."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from llm_layers.config import Design, ModelConfig
from llm_layers.formats.huggingface.rope_settings import ROPE_KEYS, read_rope_settings, write_rope_settings
from llm_layers.formats.huggingface.settings_keys import check_fixed, check_unread
from llm_layers.interface import LayersError
from llm_layers.layers.rotary import inverse_frequencies

FULL, LOCAL = "full_attention", "sliding_attention"
_NUMBER = re.compile(r"\.(\d+)\.")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One family: its settings in `config.json` and the names of its weights in `model.safetensors`.

    Args:
        design: what it is built from.
        model_type: its name in `config.json`.
        class_name: the class of transformers that reads it.
        fields: setting in `config.json` -> field of `ModelConfig`.
        defaults: what the configuration class of transformers takes for each setting that a file leaves out.
        fixed: settings of which `Decoder` can compute one value only; another one is refused.
        unread: settings that mean something elsewhere, and that the code of transformers does not read here.
        aliases: second names of settings.
        names: weight of our `Decoder` -> its public name; "#" is the number of the block, "@" that of an expert (our
            weight holds all experts, the file one at a time). Weights of equal size with one public name are stacked.
        buffers: tensors in old files that hold no weight, only what follows from the settings.
    """

    design: Design
    model_type: str
    class_name: str
    fields: Mapping[str, str]
    names: Mapping[str, str]
    defaults: Mapping[str, Any]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    mixes_kinds: ClassVar[bool] = False
    """Whether the code of transformers reads `layer_types`."""
    rope_keys: ClassVar[frozenset[str]] = ROPE_KEYS
    buffers: str = r"rotary_emb(_local)?\.(original_)?inv_freq$"

    def read_settings(self, given: Mapping[str, Any]) -> ModelConfig:
        """Read `config.json`; a setting that is left out has the default of transformers, null is read as null.

        Raises:
            LayersError: for a setting that could change the result and that this model cannot express.
        """
        settings = dict(self.defaults) | dict(given)
        for alias, key in self.aliases.items():
            if alias in given:
                if key in given and given[key] != given[alias]:
                    raise LayersError(
                        f"{key} and {alias} in config.json must agree, but were {given[key]!r} and {given[alias]!r}: "
                        "get the file again"
                    )
                settings[key] = given[alias]
        for key, right in self.fixed.items():
            check_fixed(key, settings.get(key), right)
        read = self.fields.keys() | self.fixed.keys() | self.defaults.keys() | self.aliases.keys() | self.rope_keys
        for key in sorted(given.keys() - read - self.unread - {"model_type", "layer_types"}):
            check_unread(key, given[key])
        try:
            config = ModelConfig(**self.read_shape(settings), design=self.design)
            return replace(config, **self.read_further(settings, config))
        except LayersError as error:
            raise LayersError(self._with_public_names(str(error))) from None

    def _with_public_names(self, sentence: str) -> str:
        """Name the settings as the file does."""
        public = {ours: name for name, ours in self.fields.items()}
        return re.sub(rf"\b({'|'.join(public)})\b", lambda found: public[found[0]], sentence)

    def read_shape(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Read the fields with a setting each; null means one key head per head, and heads that divide the width."""
        shape = {ours: settings.get(public) for public, ours in self.fields.items()}
        if shape["kv_heads"] is None:
            shape["kv_heads"] = shape["heads"]
        if shape["d_head"] is None:
            shape["d_head"] = head_width(shape["d_model"], shape["heads"])
        return shape

    def read_further(self, settings: Mapping[str, Any], config: ModelConfig) -> dict[str, Any]:
        """Read the fields of `ModelConfig` that are spread over several settings: windows and rotary positions."""
        base, scaling = read_rope_settings(settings, config.context_length)
        return self.read_window(settings, config.layers) | {"rope_base": base, "rope_scaling": scaling}

    def layer_kinds(self, settings: Mapping[str, Any], layers: int) -> list[str]:
        """Return for each block how far it looks, in the words of `layer_types`."""
        return [FULL] * layers

    def read_window(self, settings: Mapping[str, Any], layers: int) -> dict[str, Any]:
        """Read the window, and which blocks have none."""
        kinds, window = self.layer_kinds(settings, layers), settings.get("sliding_window")
        named = settings.get("layer_types") or kinds
        if named != kinds:
            mixed = self.mixes_kinds and isinstance(named, list) and all(kind in (FULL, LOCAL) for kind in named)
            if not mixed or len(named) != layers:
                must = (
                    f"name {FULL!r} or {LOCAL!r} for each of the {layers} blocks" if self.mixes_kinds else f"be {kinds}"
                )
                raise LayersError(
                    f"layer_types in config.json must {must}, but was {named!r}: run the model with transformers"
                )
        if LOCAL not in named:
            return {"window": None}
        if window is None:
            raise LayersError(
                f"sliding_window in config.json must be a number of positions, because some blocks are {LOCAL!r}, "
                "but there is none: get the file again"
            )
        return {"window": window, "global_layers": tuple(layer for layer in range(layers) if named[layer] == FULL)}

    def write_settings(self, config: ModelConfig, *, dtype: str = "float32") -> dict[str, Any]:
        """Return the content of `config.json`; `dtype` is that of the weights.

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
                    "that format cannot express it"
                )
        return settings

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Return the settings that `read_further` reads."""
        return write_rope_settings(config.rope_base, config.rope_scaling)

    def public_name(self, name: str) -> str:
        """Return the name that a weight of our `Decoder` has in a file."""
        template, number = _NUMBER.sub(".#.", name, count=1), _NUMBER.search(name)
        if template not in self.names:
            raise LayersError(f"{name} cannot be written as {self.model_type}: that format has no such weight")
        return self.names[template].replace("#", number[1] if number else "#")

    def to_public(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return our weights under their public names and in their public shapes; those of one name are stacked."""
        public: dict[str, list[Tensor]] = {}
        for name, weight in weights.items():
            shown = self.public_name(name)
            for expert, part in enumerate(weight if "@" in shown else [weight]):
                public.setdefault(shown.replace("@", str(expert)), []).append(part)
        return {name: parts[0] if len(parts) == 1 else torch.cat(parts) for name, parts in public.items()}

    def from_public(self, public: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        """Return the weights with these names of ours, out of a file's; the inverse of `to_public`."""
        weights: dict[str, Tensor] = {}
        for name in names:
            shown = self.public_name(name)
            if "@" in shown:
                experts: list[Tensor] = []
                while (one := shown.replace("@", str(len(experts)))) in public:
                    experts.append(public[one])
                weights[name] = torch.stack(experts)
            else:
                template = _NUMBER.sub(".#.", name, count=1)
                stacked = [ours for ours, theirs in self.names.items() if theirs == self.names[template]]
                weights[name] = public[shown].chunk(len(stacked))[stacked.index(template)]
        return weights

    def stored_name(self, name: str) -> str | None:
        """Return the present public name of a tensor in a file; None for one that holds no weight."""
        return None if re.search(self.buffers, name) else name

    def buffer_fits(self, name: str, buffer: Tensor, config: ModelConfig) -> bool:
        """Return whether a tensor that holds no weight follows from the settings: here rotary frequencies."""
        if not buffer.is_floating_point():
            return False
        base = config.local_rope_base if "_local" in name and config.local_rope_base else config.rope_base
        plain = inverse_frequencies(config.d_head, base)
        scaled = plain if config.rope_scaling is None else config.rope_scaling.scale(plain, base)
        found, limits = buffer.float(), torch.finfo(buffer.dtype)
        return any(
            found.shape == wanted.shape
            and torch.allclose(found, wanted, rtol=max(2 * limits.eps, 1e-5), atol=limits.smallest_normal * limits.eps)
            for wanted in (plain, scaled)
        )


def head_width(width: Any, heads: Any) -> int:
    """Return the width of a head in files that do not hold it: the model's width divided by the number of heads."""
    if type(width) is not int or type(heads) is not int or heads < 1 or width % heads:
        raise LayersError(
            "config.json must hold head_dim, or a width that is a multiple of the number of heads, "
            f"but held the width {width!r} and {heads!r} heads: get the file again"
        )
    return width // heads


def kinds_of(config: ModelConfig) -> list[str]:
    """Return for each block of a model how far it looks, in the words of `layer_types`."""
    return [FULL if config.window_of(layer) is None else LOCAL for layer in range(config.layers)]
