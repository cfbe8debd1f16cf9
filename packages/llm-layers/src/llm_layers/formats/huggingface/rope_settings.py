"""Rotary positions in `config.json`: the older keys (rope_theta, rope_scaling) and the newer one (rope_parameters)."""

from collections.abc import Mapping
from typing import Any

from llm_layers.interface import LayersError
from llm_layers.layers.rotary_scaling import (
    LinearScaling,
    Llama3Scaling,
    RotaryScaling,
    YarnScaling,
    yarn_attention_factor,
)

ROPE_KEYS = frozenset(("rope_theta", "rope_scaling", "rope_parameters", "original_max_position_embeddings"))
ORIGINAL = "original_max_position_embeddings"
DEFAULT_BASE = 10000.0

# Key of a scaling in config.json -> field of ours.
LLAMA3_KEYS = {
    "factor": "factor",
    "low_freq_factor": "low_frequency_factor",
    "high_freq_factor": "high_frequency_factor",
    ORIGINAL: "original_context",
}
YARN_KEYS = {
    "factor": "factor",
    ORIGINAL: "original_context",
    "beta_fast": "beta_fast",
    "beta_slow": "beta_slow",
    "attention_factor": "attention_factor",
}
KINDS: dict[str, tuple[type[Any], dict[str, str]]] = {
    "linear": (LinearScaling, {"factor": "factor"}),
    "llama3": (Llama3Scaling, LLAMA3_KEYS),
    "yarn": (YarnScaling, YARN_KEYS),
}
# Keys that no formula reads, whatever their value; and keys with the one value that changes nothing.
HARMLESS = ("rope_type", "type", "rope_theta", "finetuned", ORIGINAL)
NEUTRAL: dict[str, tuple[Any, str]] = {
    "factor": (1.0, "scales the rotary frequencies"),
    "attention_factor": (1.0, "scales the attention scores"),
    "partial_rotary_factor": (1.0, "rotates only a part of each head"),
    "truncate": (True, "lets YaRN's ramp begin and end between two pairs"),
}


def read_rope_settings(
    settings: Mapping[str, Any], context_length: int, default_base: float = DEFAULT_BASE
) -> tuple[float, RotaryScaling | None]:
    """Return the rotary base and the scaling; both spellings are read and must agree."""
    newer, older = (_table(settings, key) for key in ("rope_parameters", "rope_scaling"))
    bases = [table["rope_theta"] for table in (settings, newer, older) if table.get("rope_theta") is not None]
    if any(type(base) not in (int, float) or base != bases[0] for base in bases):
        raise LayersError(
            "rope_theta must be one number wherever config.json holds it, but was "
            f"{' and '.join(map(repr, bases))}: get the file again"
        )
    original = settings.get(ORIGINAL)  # some files hold it beside the table
    tables = [({ORIGINAL: original} if original else {}) | dict(table) for table in (newer, older) if table]
    scalings = [read_scaling(table, context_length) for table in tables]
    if len(scalings) == 2 and scalings[0] != scalings[1]:
        raise LayersError(f"rope_parameters and rope_scaling in config.json must agree, but were {newer!r}, {older!r}")
    return float(bases[0]) if bases else default_base, scalings[0] if scalings else None


def read_scaling(table: Mapping[str, Any], context_length: int) -> RotaryScaling | None:
    """Read one table of rotary parameters; the base in it is read elsewhere.

    Raises:
        LayersError: for another kind of scaling, or a key that would change the result.
    """
    kind = table.get("rope_type") or table.get("type") or "default"
    if not isinstance(kind, str) or (kind != "default" and kind not in KINDS):
        known = ", ".join(["default", *KINDS])
        raise LayersError(
            f"rope_type in config.json must be one of {known}, but was {kind!r}: run the model with transformers"
        )
    made, keys = KINDS.get(kind, (None, {}))
    values = {key: value for key, value in table.items() if value is not None}
    if kind == "yarn":
        _add_yarn_defaults(values, context_length, factor_is_null="factor" in table and table["factor"] is None)
    for key in sorted(values.keys() - keys.keys() - set(HARMLESS)):
        right, what = NEUTRAL.get(key, (None, "is not known to this package"))
        if values[key] != right:
            must = f"must be {right!r} beside" if key in NEUTRAL else "must not be set beside"
            raise LayersError(
                f"{key} in the rotary parameters of config.json {must} rope_type {kind!r}, but was {values[key]!r}, "
                f"which {what}: run the model with transformers"
            )
    if made is None:
        return None
    if kind == "llama3":
        values.setdefault(ORIGINAL, context_length)
    try:
        scaling: RotaryScaling = made(**{keys[key]: value for key, value in values.items() if key in keys})
    except TypeError:
        raise LayersError(
            f"the rotary parameters in config.json must hold {', '.join(keys)}, but were {table!r}: get the file again"
        ) from None
    return scaling


def write_scaling(base: float, scaling: RotaryScaling | None) -> dict[str, Any]:
    """Return one table of rotary parameters."""
    table: dict[str, Any] = {"rope_type": "default", "rope_theta": base}
    for kind, (made, keys) in KINDS.items():
        if type(scaling) is made:
            table["rope_type"] = kind
            values = {key: getattr(scaling, ours) for key, ours in keys.items()}
            table |= {key: value for key, value in values.items() if value is not None}
    return table


def write_rope_settings(base: float, scaling: RotaryScaling | None) -> dict[str, Any]:
    """Return the settings for both generations of readers."""
    table = write_scaling(base, scaling)
    settings: dict[str, Any] = {"rope_theta": base, "rope_parameters": table}
    if scaling is not None:
        settings["rope_scaling"] = {key: value for key, value in table.items() if key != "rope_theta"}
    return settings


def _add_yarn_defaults(values: dict[str, Any], context_length: int, *, factor_is_null: bool) -> None:
    """Fill in what transformers takes for granted, and combine DeepSeek's two factors into the one they lead to."""
    original = values.setdefault(ORIGINAL, context_length)
    if factor_is_null and type(original) is int and original > 0:
        values["factor"] = context_length / original
    factor, scales = values.get("factor"), [values.get("mscale"), values.get("mscale_all_dim")]
    if not all(isinstance(number, (int, float)) for number in (factor, *filter(None, scales))):
        return  # refused by those that read it
    values.pop("mscale", None)
    values.pop("mscale_all_dim", None)
    if all(scales) and "attention_factor" not in values:  # with one of the two, transformers reads neither
        above, below = (1 + scale * (yarn_attention_factor(factor) - 1) for scale in scales)  # type: ignore[operator, arg-type]
        values["attention_factor"] = above / below


def _table(settings: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = settings.get(key) or {}
    if not isinstance(table, Mapping):
        raise LayersError(f"{key} in config.json must be a table, but was {table!r}")
    return table
