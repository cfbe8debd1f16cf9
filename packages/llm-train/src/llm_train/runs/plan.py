"""After which updates a run validates, writes a sample, saves: a function of the recipe, equal in a resumed run."""

from dataclasses import dataclass
from typing import Self

from llm_train.recipes.recipe import Recipe


@dataclass(frozen=True)
class Plan:
    """The steps after which something is due."""

    steps: int
    validations: frozenset[int]
    samples: frozenset[int]
    checkpoints: frozenset[int]
    ratios: frozenset[int]
    """Updates whose size is measured."""

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """Make the plan of a recipe in which the number of steps is decided."""
        report, steps = recipe.report, recipe.training.steps
        assert steps is not None, "the recipe is resolved"
        validations = evenly_spread(steps, report.validations)
        checkpoints = evenly_spread(steps, report.checkpoints) | {steps}
        if report.keep_every:
            checkpoints |= frozenset(range(report.keep_every, steps, report.keep_every))
        if report.keep_best:
            checkpoints |= validations
        return cls(
            steps=steps,
            validations=validations,
            samples=evenly_spread(steps, report.samples),
            checkpoints=checkpoints,
            ratios=evenly_spread(steps, report.update_ratios),
        )


def evenly_spread(steps: int, count: int) -> frozenset[int]:
    """Return `count` steps spread evenly over a run, without the last: everything is done at the end anyway."""
    return frozenset(round(index * steps / (count + 1)) for index in range(1, count + 1)) - {0, steps}
