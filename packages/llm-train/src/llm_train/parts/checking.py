"""Functions of your own are checked before a run: which of them it can use, and whether they meet their contracts."""

from llm_tokenizer.commands.wording import suggest
from llm_tokenizer.conformance import Implementation
from llm_tokenizer.conformance.harness import check_implementation
from llm_tokenizer.conformance.report import describe, most_telling
from llm_train.interface import TrainError
from llm_train.parts.files import contracts, load_parts
from llm_train.parts.pins import file_of
from llm_train.parts.replacing import FEED_FORWARD, NORMS
from llm_train.recipes.growth import GROWTHS
from llm_train.recipes.recipe import Recipe
from llm_train.stages.build import model_config

MOST_NAMED = 8
"""Functions of a file that a message names."""
SCHEDULES = {"cosine": "warmup_cosine", "linear": "warmup_linear", "wsd": "warmup_stable_decay"}


def usable(recipe: Recipe) -> list[str]:
    """Return the names of the functions that a run of this recipe can take from you."""
    design, optimizer = model_config(recipe).design, recipe.optimizer
    model = ["linear", "attention", NORMS[design.norm], FEED_FORWARD[design.feed_forward], "cross_entropy"]
    loop = [*sorted({optimizer.matrix_optimizer, optimizer.other_optimizer}), "clip_gradients", *GROWTHS]
    return model + loop + [name for shape, name in SCHEDULES.items() if shape == recipe.schedule.shape]


def require_parts(recipe: Recipe) -> list[str]:
    """Check each function that a run will use against its contract; return lines on what each file replaces.

    A function whose name is only near to that of a part may have been meant for it, and gets a line of its own.

    Raises:
        TrainError: a function does not meet its contract, or none of them is a part of the run.
    """
    parts, names = load_parts(recipe.compute.parts), usable(recipe)
    files = [file_of(entry) for entry in recipe.compute.parts]
    lines = []
    for file in files:
        here = [name for name, where in parts.files.items() if where == file]
        used = [name for name in here if name in names]
        others = [*(name for name in here if name not in names), *parts.others[file]]
        if not used:
            there = ", ".join(name + suggest(name, names) for name in others[:MOST_NAMED]) or "it has none"
            raise TrainError(
                f"{file}: none of its functions is a part of this run: {there}; a run with this recipe can use "
                f"{', '.join(names)}"
            )
        for name in used:
            _require_contract(name, file)
        left_out = ", ".join(name for name in here if name not in used)
        lines.append(
            f"yours, from {file}: {', '.join(used)}" + f" (not parts of this run: {left_out})" * bool(left_out)
        )
        still_ours = [name for name in names if name not in parts.functions]
        near = [(name, suggest(name, still_ours)) for name in parts.others[file]]
        lines += [f"note: {file}: {name} takes the place of nothing{hint}" for name, hint in near if hint]
    return lines


def _require_contract(name: str, file: str) -> None:
    specification, contract = contracts()[name]
    result = check_implementation(specification, Implementation.load(file), contract.id, generated=False)
    verdict = next(one for one in result.verdicts if one.contract.id == contract.id)
    if verdict.failures:
        failure = most_telling(verdict)
        clause = f"clause {failure.case.clause} ({contract.clauses[failure.case.clause - 1].rstrip('.')})"
        raise TrainError(
            f"{file}: {name} does not meet its contract, {clause}: {describe(failure, contract.axes_of).rstrip('.')}; "
            f"`python -m {specification.module}.spec {file} -k {contract.id} --quick` shows all"
        )
