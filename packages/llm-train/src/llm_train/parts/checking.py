"""Functions of your own are checked before a run: which of them it can use, and whether they meet their contracts."""

from llm_tokenizer.commands.wording import suggest
from llm_tokenizer.conformance import Implementation
from llm_tokenizer.conformance.harness import PASS, check_implementation
from llm_train.interface import TrainError
from llm_train.parts.files import contracts, load_parts
from llm_train.parts.pins import file_of
from llm_train.parts.replacing import FEED_FORWARD, NORMS
from llm_train.recipes.growth import GROWTHS
from llm_train.recipes.recipe import Recipe
from llm_train.stages.build import model_config

SCHEDULES = {"cosine": "warmup_cosine", "linear": "warmup_linear", "wsd": "warmup_stable_decay"}


def usable(recipe: Recipe) -> list[str]:
    """Return the names of the functions that a run of this recipe can take from you."""
    design, optimizer = model_config(recipe).design, recipe.optimizer
    model = ["linear", "attention", NORMS[design.norm], FEED_FORWARD[design.feed_forward], "cross_entropy"]
    loop = [*sorted({optimizer.matrix_optimizer, optimizer.other_optimizer}), "clip_gradients", *GROWTHS]
    return model + loop + [name for shape, name in SCHEDULES.items() if shape == recipe.schedule.shape]


def require_parts(recipe: Recipe) -> list[str]:
    """Check each function that a run will use against its contract; return a line for each file on what it replaces.

    Raises:
        TrainError: a function does not meet its contract, or none of them is a part of the run.
    """
    parts, names = load_parts(recipe.compute.parts), usable(recipe)
    files = [file_of(entry) for entry in recipe.compute.parts]
    lines = []
    for file in files:
        here = [name for name, where in parts.files.items() if where == file]
        used = [name for name in here if name in names]
        if not used:
            raise TrainError(
                f"{file}: none of its functions is a part of this run{suggest(''.join(here[:1]), names)}; a run with "
                f"this recipe can use {', '.join(names)}"
            )
        for name in used:
            _require_contract(name, file)
        rest = len(here) - len(used)
        lines.append(
            f"yours, from {file}: {', '.join(used)}" + (f" ({rest} others are no parts of the run)" * (rest > 0))
        )
    return lines


def _require_contract(name: str, file: str) -> None:
    specification, contract = contracts()[name]
    result = check_implementation(specification, Implementation.load(file), contract.id, generated=False)
    verdict = next(one for one in result.verdicts if one.contract.id == contract.id)
    if verdict.status != PASS:
        raise TrainError(
            f"{file}: {name} does not meet its contract, and the run would only show that; "
            f"`python -m {specification.module}.spec {file} -k {contract.id} --quick` says where"
        )
