"""Settings that have no effect beside others: they must keep their defaults, or somebody believes that they work."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any


def without_effect(recipe: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield each field that differs from its default although nothing reads it: name, default, and why it is idle.

    What runs on any machine is not judged here: threads and layouts of processes belong to the machine.
    """
    model, optimizer, schedule = recipe.model, recipe.optimizer, recipe.schedule
    optimizers = {optimizer.matrix_optimizer, optimizer.other_optimizer}
    no_adamw = None if "adamw" in optimizers else "no weights are updated by adamw"
    tied = "the output head is the embedding table (model.tied_embeddings)" if model.tied_embeddings else None
    fixed_length = "all rows have one length (no schedule.first_length)" if schedule.first_length is None else None
    idle = {
        "optimizer.momentum": None if optimizers & {"muon", "sgd"} else "no weights are updated by muon or sgd",
        "optimizer.beta1": no_adamw,
        "optimizer.beta2": no_adamw,
        "optimizer.eps": no_adamw,
        "optimizer.head_lr": tied,
        "optimizer.head_decay": tied,
        "compute.checkpoint_format": None if recipe.compute.parallel == "fsdp" else "compute.parallel is ddp",
        "schedule.decay": None if schedule.shape == "wsd" else f"schedule.shape is {schedule.shape}, not wsd",
        "schedule.floor": "schedule.shape is constant" if schedule.shape == "constant" else None,
        "schedule.length_growth": fixed_length,
        "schedule.length_multiple": fixed_length,
        "model.rope_base": "positions of the design gpt2 are learned" if model.design == "gpt2" else None,
    }
    for name, why in idle.items():
        section, _, key = name.partition(".")
        settings = getattr(recipe, section)
        default = next(entry.default for entry in fields(settings) if entry.name == key)
        if why is not None and getattr(settings, key) != default:
            yield name, default, why
