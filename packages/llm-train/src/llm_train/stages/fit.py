"""Whether a recipe fits into the memory of this machine, asked before any of it is taken."""

from llm_train.interface import TrainError
from llm_train.place import find_device
from llm_train.recipes.recipe import Recipe
from llm_train.runs.memory import available_memory, memory_needed
from llm_train.stages.build import model_config

MARGIN = 0.8
"""Part of the free memory that an advised batch fills."""


def require_memory(recipe: Recipe) -> None:
    """Check that an update of a recipe fits into the memory that is free now, before any of it is taken.

    Raises:
        TrainError: it does not fit, and the message names the batch that does; or there is no such device.
    """
    free = available_memory(find_device(recipe.compute.device))
    training, config = recipe.training, model_config(recipe)

    def needed(batch: int) -> int:
        length = recipe.model.context_length
        return memory_needed(config, batch=batch, context_length=length, precision=recipe.compute.precision)

    if free is None or needed(training.batch) <= free:
        return
    said = f"an update needs about {memory_size(needed(training.batch))} of memory, but {memory_size(free)} are free"
    if needed(1) > free:
        raise TrainError(
            f"{said}, and even --set batch=1 needs {memory_size(needed(1))}: choose a smaller model (--set layers=…, "
            "--set d_model=…) or a shorter --set context_length=…"
        )
    per_row = needed(3) - needed(2)  # the first row is no measure: an axis of one entry is copied less
    fits = max(1, int(MARGIN * (free - needed(1)) / per_row))
    parts = -(-training.batch * training.accumulate // fits)
    raise TrainError(
        f"training.batch is {training.batch:,}: {said}. --set batch={fits} fits; with --set accumulate={parts} an "
        "update sees as many tokens as before"
    )


def memory_size(count: int) -> str:
    """Write a number of bytes for people."""
    return f"{count / 1e9:,.1f} GB" if count >= 5e7 else f"{count / 1e6:,.1f} MB"
