"""How much the updates of a recipe read: its batch and its rows may grow, and both follow from an update's number."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

from llm_train.recipes.recipe import Recipe
from llm_train.schedule import batch_size, sequence_length

UNDECIDED = 10**9
"""In place of a number of steps that is not decided yet: fractions of the run lie where they will, far apart."""
GROWTHS: Mapping[str, Callable[..., Any]] = {"batch_size": batch_size, "sequence_length": sequence_length}


def grows(recipe: Recipe) -> bool:
    """Whether the updates of a recipe read more and more."""
    return bool(recipe.schedule.batch_doublings) or recipe.schedule.first_length is not None


def passes_of(
    recipe: Recipe, first: int, growths: Mapping[str, Callable[..., Any]] = GROWTHS
) -> Callable[[int], tuple[int, int]]:
    """Return a function from an update's number, from 0, to its passes and those of all updates before it.

    A batch grows by passes, not by the rows of a pass, so that it never needs more memory; and as each doubling
    multiplies all of them, any number of processes that can share the first update can share every other.

    Args:
        recipe: says when the batch doubles.
        first: passes of the first update.
        growths: `batch_size`, ours or yours.
    """
    ends = [round(fraction * _steps(recipe)) for fraction in recipe.schedule.batch_doublings]
    sizes = [first << doublings for doublings in range(len(ends) + 1)]
    lengths = [end - begin for begin, end in pairwise([0, *ends])]
    return lambda number: growths["batch_size"](number, sizes, lengths)


def length_of(recipe: Recipe, growths: Mapping[str, Callable[..., Any]] = GROWTHS) -> Callable[[int], int]:
    """Return a function from an update's number, from 0, to the tokens of its rows."""
    schedule, last = recipe.schedule, recipe.model.context_length
    first, steps = schedule.first_length or last, round(schedule.length_growth * _steps(recipe))
    return lambda number: growths["sequence_length"](number, first, last, steps, schedule.length_multiple)


def spans(recipe: Recipe, updates: int) -> Iterator[tuple[int, int]]:
    """Yield each length of rows in the first so many updates, and the tokens that are read in rows of this length."""
    passes, length, begin = passes_of(recipe, recipe.passes_per_update), length_of(recipe), 0
    while begin < updates:
        now = length(begin)
        end = bisect_right(range(updates), now, begin, key=length)
        yield now, (passes(end)[1] - passes(begin)[1]) * recipe.training.batch * now
        begin = end


def tokens_read(recipe: Recipe, updates: int) -> int:
    """Return how many tokens the first so many updates read."""
    return sum(tokens for _, tokens in spans(recipe, updates))


def mean_tokens(recipe: Recipe) -> float:
    """Return how many tokens an update reads, in the mean of the whole run."""
    return tokens_read(recipe, _steps(recipe)) / _steps(recipe)


def mean_seconds(recipe: Recipe, first: float, last: float) -> float:
    """Return the mean time of all updates, from those of the first and the last: a line over the tokens that they read.

    A line, because the optimizer takes the same time for any batch, and the passes take theirs token by token.
    """
    read, steps = partial(tokens_read, recipe), _steps(recipe)
    least, most = read(1), read(steps) - read(steps - 1)
    return first if most == least else first + (last - first) * (mean_tokens(recipe) - least) / (most - least)


def _steps(recipe: Recipe) -> int:
    return recipe.training.steps or UNDECIDED
