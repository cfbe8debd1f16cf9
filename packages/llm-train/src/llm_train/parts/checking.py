"""Functions of your own are checked before a run: which of them it can use, and whether they meet their contracts."""

from collections.abc import Iterator, Sequence

from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.commands.wording import shortened
from llm_tokenizer.conformance.harness import check_implementation
from llm_tokenizer.conformance.report import explained
from llm_tokenizer.spec import SPECIFICATION as TOKENIZER
from llm_train.interface import TrainError
from llm_train.parts.files import Parts, contracts, load_parts
from llm_train.parts.replacing import FEED_FORWARD, NORMS
from llm_train.recipes.growth import GROWTHS
from llm_train.recipes.recipe import Recipe
from llm_train.stages.build import model_config

MOST_NAMED = 4
"""Functions of a file that a message names; of more it gives the number."""
SCHEDULES = {"cosine": "warmup_cosine", "linear": "warmup_linear", "wsd": "warmup_stable_decay"}


def usable(recipe: Recipe) -> list[str]:
    """Return the names of the functions that a run of this recipe can take from you."""
    design, optimizer = model_config(recipe).design, recipe.optimizer
    model = ["linear", "attention", NORMS[design.norm], FEED_FORWARD[design.feed_forward], "cross_entropy"]
    loop = [*sorted({optimizer.matrix_optimizer, optimizer.other_optimizer}), "clip_gradients", *GROWTHS]
    return model + loop + [name for shape, name in SCHEDULES.items() if shape == recipe.schedule.shape]


def require_parts(recipe: Recipe) -> list[str]:
    """Check each function that a run will use against its contract; return lines on what each file replaces.

    A function whose name is nearly that of a part, or a class in place of one, gets a line of its own.

    Raises:
        TrainError: a function does not meet its contract, or none of them is a part of the run.
    """
    with Progress("llm-train") as progress:
        progress("reading your functions and the specification")
        parts, names = load_parts(recipe.compute.parts), usable(recipe)
        lines = [line for file in parts.written for line in _replaced(parts, file, names)]
        used = [name for name in parts.files if name in names]
        for number, name in enumerate(used, start=1):
            progress(f"checking {name} in {parts.files[name]}, {number} of {len(used)}")
            _require_contract(parts, name)
    return lines


def _replaced(parts: Parts, file: str, names: Sequence[str]) -> Iterator[str]:
    """Yield what of a file takes the place of ours in a run that can use these names, and what may have been meant to.

    Raises:
        TrainError: nothing of it does.
    """
    here = [name for name, where in parts.files.items() if where == file]
    used = [name for name in here if name in names]
    others = [name for name in here if name not in names] + [name for name in parts.written[file] if name not in here]
    missing = [name for name in names if name not in parts.functions]
    hints = list(parts.implementations[file].hints(missing, contracts()))
    if not used:
        if {contract.name for contract in TOKENIZER.contracts}.intersection(others):
            raise TrainError(
                f"{file}: a tokenizer is no part of a run's --parts (here: {shortened(others, MOST_NAMED)}): "
                f"`python -m {TOKENIZER.module}.spec {file}` checks it, and a run takes one that is saved, by "
                "--set kind=folder --set path=FOLDER"
            )
        there = shortened(others, MOST_NAMED) or "it has none"
        sentence = f"{file}: none of its functions is a part of this run: {there}; a run with this recipe can use "
        raise TrainError("\n  ".join([sentence + ", ".join(names), *hints]))
    left_out = f" (not parts of this run: {shortened(others, MOST_NAMED)})" if others else ""
    yield f"yours, from {file}: {', '.join(used)}{left_out}"
    yield from (f"note: {file}: {hint}" for hint in hints)


def _require_contract(parts: Parts, name: str) -> None:
    (specification, contract), file = contracts()[name], parts.files[name]
    result = check_implementation(specification, parts.implementations[file], contract.id, generated=False)
    verdict = next(one for one in result.verdicts if one.contract.id == contract.id)
    if verdict.failures:
        sentence = f"{file}: {contract.signature} does not meet its contract:"
        command = f"`python -m {specification.module}.spec {file} -k {contract.id} --quick` shows all"
        raise TrainError("\n  ".join([sentence, *explained(verdict), command]))
