"""What a recipe leaves open is decided once, by measuring: precision, compiler, number of steps."""

from collections.abc import Callable
from dataclasses import replace

from llm_train.backends.threads import Workers
from llm_train.place import Place
from llm_train.recipes.recipe import Recipe
from llm_train.runs.calibration import calibrate, steps_that_fit
from llm_train.runs.progress import Reporter
from llm_train.stages.build import build_model, build_trainer
from llm_train.stages.prepare import Prepared


def decided(
    recipe: Recipe,
    prepared: Prepared,
    reporter: Reporter,
    workers: Workers,
    place: Place,
    report: Callable[[str], None],
) -> Recipe:
    """Return the recipe with every field decided; a stopped run has decided already, and keeps it.

    Several processes measure together, since their exchange takes time too; what the first one finds is done.
    """
    if recipe.training.steps is not None and "auto" not in (recipe.compute.precision, recipe.compute.compile):
        return recipe
    seconds, way = calibrate(
        recipe,
        lambda one: build_trainer(one, build_model(one).to(place.device), prepared.training, workers, place),
        report,
    )
    compute = {"precision": way.compute.precision, "compile": way.compute.compile}
    way = way.with_values(**place.share(compute))
    steps = recipe.training.steps or place.once(
        lambda: steps_that_fit(
            recipe, seconds_per_step=seconds, elapsed=reporter.elapsed, held_out_tokens=len(prepared.held_out)
        )
    )
    # `with_values` takes steps in place of the minutes; here both are known.
    return replace(way, training=replace(way.training, steps=steps))
