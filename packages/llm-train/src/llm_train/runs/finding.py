"""Find a run among others."""

import os
from pathlib import Path

from llm_tokenizer.commands.wording import suggest
from llm_train.interface import TrainError
from llm_train.runs.folder import Run

RUNS = "runs"


def find_run(run: str | os.PathLike[str] | None = None, runs: str | os.PathLike[str] = RUNS) -> Run:
    """Return a run by its name under `runs`, by its folder, or without either the one whose model was written last.

    A run in progress has a model too: its newest checkpoint.

    Raises:
        TrainError: there is no such run, or no run with a model; the message names the nearest.
    """
    found = {path.parent.name: Run(path.parent) for path in Path(runs).glob("*/recipe.toml")}
    if run is not None:
        if os.fspath(run) in found:
            return found[os.fspath(run)]
        if os.fspath(run) and Path(run).is_dir():
            return Run.open(run)
        there = sorted(found)
        names = ", ".join(there[:5]) + (" …" if there[5:] else "")
        advice = f"there are: {names}" if there else "`llm-train run` makes one"
        raise TrainError(f"there is no run '{run}' under '{runs}'{suggest(os.fspath(run), found)}; {advice}")
    trained = {name: folder / "config.json" for name, one in found.items() if (folder := one.newest_model)}
    if not trained:
        raise TrainError(
            f"there is no trained model under '{runs}': make one with `llm-train run` (in a checkout: `nox -s train`)"
        )
    return found[max(trained, key=lambda name: trained[name].stat().st_mtime)]
