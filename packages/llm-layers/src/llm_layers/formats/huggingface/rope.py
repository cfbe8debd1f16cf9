"""Rotary positions in `config.json`: the older keys (rope_theta, rope_scaling) and the newer (rope_parameters)."""

from collections.abc import Mapping
from typing import Any

from llm_layers.interface import LayersError
from llm_layers.layers.rotary_scaling import LinearScaling, Llama3Scaling, RotaryScaling, YarnScaling

ROPE_KEYS = frozenset(("rope_theta", "rope_scaling", "rope_parameters"))

# Key of a scaling in config.json -> field of ours.
LLAMA3_KEYS = {
    "factor": "factor",
    "low_freq_factor": "low_frequency_factor",
    "high_freq_factor": "high_frequency_factor",
    "original_max_position_embeddings": "original_context",
}
YARN_KEYS = {
    "factor": "factor",
    "original_max_position_embeddings": "original_context",
    "beta_fast": "beta_fast",
    "beta_slow": "beta_slow",
    "attention_factor": "attention_factor",
}
KINDS: dict[str, tuple[type[Any], dict[str, str]]] = {
    "linear": (LinearScaling, {"factor": "factor"}),
    "llama3": (Llama3Scaling, LLAMA3_KEYS),
    "yarn": (YarnScaling, YARN_KEYS),
}


def read_rope(settings: Mapping[str, Any], context_length: int) -> tuple[float, RotaryScaling | None]:
    """Give the rotary base and the scaling; both places are read and must agree."""
    newer = _table(settings, "rope_parameters")
    older = _table(settings, "rope_scaling")
    bases = [base for base in (settings.get("rope_theta"), newer.get("rope_theta")) if base is not None]
    if not bases or any(type(base) not in (int, float) or base != bases[0] for base in bases):
        raise LayersError(
            "config.json must give one rotary base, as rope_theta or in rope_parameters, "
            f"but gave {' and '.join(map(repr, bases)) or 'none'}"
        )
    scalings = [read_scaling(table, context_length) for table in (newer, older) if table]
    if len(scalings) == 2 and scalings[0] != scalings[1]:
        raise LayersError(f"rope_parameters and rope_scaling in config.json must agree, but were {newer!r}, {older!r}")
    return float(bases[0]), scalings[0] if scalings else None


def read_scaling(table: Mapping[str, Any], context_length: int) -> RotaryScaling | None:
    """Read one table of rotary parameters; "rope_theta" in it is read elsewhere."""
    kind = table.get("rope_type", table.get("type", "default"))
    values = {key: value for key, value in table.items() if key not in ("rope_type", "type", "rope_theta")}
    if kind != "default" and kind not in KINDS:
        known = ", ".join(["default", *KINDS])
        raise LayersError(f"rope_type in config.json must be one of {known}, but was {kind!r}")
    made, keys = KINDS.get(kind, (None, {}))
    unknown = sorted(values.keys() - keys.keys())
    if unknown:
        raise LayersError(f"the rotary parameters in config.json hold {', '.join(unknown)}, unknown for {kind!r}")
    if made is None:
        return None
    if kind == "yarn":
        values.setdefault("original_max_position_embeddings", context_length)
    try:
        scaling: RotaryScaling = made(**{keys[key]: value for key, value in values.items() if value is not None})
    except TypeError:
        raise LayersError(
            f"the rotary parameters in config.json must hold {', '.join(keys)}, but were {table!r}"
        ) from None
    return scaling


def write_scaling(base: float, scaling: RotaryScaling | None) -> dict[str, Any]:
    """Give one table of rotary parameters."""
    table: dict[str, Any] = {"rope_type": "default", "rope_theta": base}
    for kind, (made, keys) in KINDS.items():
        if type(scaling) is made:
            table["rope_type"] = kind
            values = {key: getattr(scaling, ours) for key, ours in keys.items()}
            table |= {key: value for key, value in values.items() if value is not None}
    return table


def write_rope(base: float, scaling: RotaryScaling | None) -> dict[str, Any]:
    """Give the settings for both generations of readers."""
    table = write_scaling(base, scaling)
    settings: dict[str, Any] = {"rope_theta": base, "rope_parameters": table}
    if scaling is not None:
        settings["rope_scaling"] = {key: value for key, value in table.items() if key != "rope_theta"}
    return settings


def _table(settings: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = settings.get(key) or {}
    if not isinstance(table, Mapping):
        raise LayersError(f"{key} in config.json must be a table, but was {table!r}")
    return table
