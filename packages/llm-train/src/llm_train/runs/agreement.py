"""Whether a recipe is the one that a run was started with: what may change when it is resumed, and what may not."""

import json
from collections.abc import Mapping
from typing import Any

from llm_train.recipes.recipe import Recipe

CHANGEABLE = ("device", "threads", "parallel", "checkpoint_format")
"""Fields of a recipe that may change when a run is resumed: where it is computed, not what. Last digits can differ."""


def differences(wanted: Recipe, stored: Recipe) -> list[str]:
    """List the fields that differ, as `model.layers is 4 there, 6 wanted`."""
    found = [] if wanted.name == stored.name else [f"its recipe is {stored.name!r}, {wanted.name!r} wanted"]
    for section, table in wanted.to_dict().items():
        for key, value in table.items():
            other = getattr(getattr(stored, section), key)
            if key not in CHANGEABLE and value not in (None, "auto", other):
                found.append(f"{section}.{key} is {_shown(other)} there, {_shown(value)} wanted")
    return found


def changed_fields(before: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """List the fields that differ from those of a checkpoint; where a run is computed, and what it reports, may."""
    now = json.loads(json.dumps(recipe.to_dict()))  # lists for tuples, as in the checkpoint
    fields = [(section, key) for section in {**before, **now} for key in {**before.get(section, {}), **now[section]}]
    return [
        f"{section}.{key} was {_shown(was)}, is {_shown(value)}"
        for section, key in fields
        if section != "report" and key not in CHANGEABLE
        if (was := before.get(section, {}).get(key)) != (value := now[section].get(key))
    ]


def with_changeable(wanted: Recipe, stored: Recipe) -> Recipe:
    """Return the stored recipe with those fields of the wanted one that may change when a run is resumed."""
    given = {key: value for table in wanted.to_dict().values() for key, value in table.items() if key in CHANGEABLE}
    return stored.with_values(**{key: value for key, value in given.items() if value not in (None, "auto")})


def _shown(value: Any) -> str:
    """Write a value of a field; of several texts only the list of them, without Python's brackets."""
    return (", ".join(map(str, value)) or "none") if isinstance(value, (tuple, list)) else repr(value)
