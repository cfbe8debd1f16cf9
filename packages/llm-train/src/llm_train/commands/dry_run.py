"""`llm-train run --dry-run`: what a run will take on this machine, before it is started."""

import json as json_format
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from llm_tokenizer.commands.wording import duration, quantity
from llm_train.commands.starting import starting
from llm_train.recipes.recipe import Recipe

if TYPE_CHECKING:
    from llm_train.stages.estimate import Estimate


def predict(recipe: Recipe, folder: Path, *, json: bool, started: float) -> None:
    """Rehearse a run and print the prediction."""
    with starting():
        from llm_tokenizer.commands.console import Console
        from llm_train.runs.progress import Reporter
        from llm_train.stages.estimate import estimate

    reporter = Reporter(Console(file=sys.stderr) if json else None, started=started)
    reporter.say(f"recipe {recipe.name} -> {folder}, a rehearsal: nothing of it is kept", style="bold")
    prediction = estimate(recipe, folder, reporter)
    if json:
        print(json_format.dumps(asdict(prediction), indent=2))
        return
    reporter.say("")
    for name, value, remark in lines(prediction):
        reporter.say(f"{name:<12}{value:<16}{remark}")
    reporter.require_output()


def lines(prediction: "Estimate") -> list[tuple[str, str, str]]:
    """Return (name, value, remark) of a prediction, as they are printed."""
    from llm_train.reports.charts import compact
    from llm_train.stages.fit import memory_size

    stages = sorted(prediction.seconds_by_stage.items(), key=lambda one: -one[1])
    where = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in stages[:4] if seconds >= 0.05)
    free = prediction.free_memory_bytes
    memory = "unknown here" if prediction.memory_bytes is None else memory_size(prediction.memory_bytes)
    return [
        ("parameters", f"{prediction.parameters:,}", ""),
        ("updates", f"{prediction.steps:,}", f"{prediction.precision}, {quantity(prediction.threads, 'thread')}"),
        ("tokens", compact(prediction.tokens), f"{prediction.tokens_per_second:,.0f} per second of the updates alone"),
        ("FLOPs", compact(prediction.flops), "forward and backward, " + _share(prediction)),
        ("memory", memory, "" if free is None else f"at most; {memory_size(free)} were free"),
        ("time", duration(prediction.seconds), f"of the whole command: {where}"),
    ]


def _share(prediction: "Estimate") -> str:
    peak = prediction.peak_flops_per_second / 1e9
    return f"{prediction.model_flops_utilization:.0%} of the {peak:,.0f} GFLOP/s that large products reach here"
