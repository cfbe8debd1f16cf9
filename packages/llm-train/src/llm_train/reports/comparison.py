"""Several runs side by side: their figures, which settings differ, and what keeps them from being comparable."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llm_layers import parameter_count
from llm_tokenizer.commands.wording import duration
from llm_train.interface import TrainError
from llm_train.recipes.recipe import Recipe
from llm_train.reports.charts import compact
from llm_train.reports.history import History, load_history, smoothed
from llm_train.runs.folder import Run, read_json
from llm_train.stages.build import model_config

MOST_RUNS = 8
"""More lines than this in one chart cannot be told apart."""
FINGERPRINT = 16
"""Characters of a hash that are kept."""


@dataclass(frozen=True)
class Compared:
    """One run of a comparison."""

    name: str
    recipe: Recipe
    history: History
    finished: bool
    figures: dict[str, float]
    """Its key figures, those that are known."""
    vocabulary: str
    """Equal for runs with the same tokenizer."""
    held_out: str
    """Equal for runs that are validated on the same text."""


@dataclass(frozen=True)
class Comparison:
    """Runs, and what can be said of all of them."""

    runs: Sequence[Compared]

    @property
    def same_vocabulary(self) -> bool:
        """Whether a loss per token means the same in all runs."""
        return len({run.vocabulary for run in self.runs}) == 1

    def notes(self) -> list[str]:
        """Return what has to be said before the numbers are believed: first what was measured, then what it tells."""
        said = []
        unfinished = [run.name for run in self.runs if not run.finished]
        if unfinished:
            said.append(f"Not finished, so measured at the newest validation: {', '.join(unfinished)}.")
        if len({run.held_out for run in self.runs}) > 1:
            said.append(
                "The runs are not validated on the same text: their losses do not tell which of them is better."
            )
        if not self.same_vocabulary:
            said.append(
                "The runs have different vocabularies: a loss per token counts other pieces of text in each of them. "
                "They are compared in bits per byte, which does not depend on the vocabulary."
            )
        return said

    def table(self) -> list[tuple[str, list[str], int | None]]:
        """Return (measure, its value for each run, the place of the best run where one is best)."""
        rows = []
        for key, (name, form, better) in MEASURES.items():
            values = [run.figures.get(key) for run in self.runs]
            if all(value is None for value in values):
                continue
            known = [(value * better, place) for place, value in enumerate(values) if value is not None and better]
            comparable = key != "validation_loss" or self.same_vocabulary
            best = min(known)[1] if len(known) > 1 and comparable and len({value for value, _ in known}) > 1 else None
            rows.append((name, ["–" if value is None else form(value) for value in values], best))
        return rows

    def differing_settings(self) -> list[tuple[str, list[str]]]:
        """Return (field, its value in each run) for every setting that is not the same in all of them."""
        tables = [run.recipe.to_dict() for run in self.runs]
        fields = dict.fromkeys((section, key) for table in tables for section in table for key in table[section])
        rows = []
        for section, key in fields:
            values = [_setting(table.get(section, {}).get(key)) for table in tables]
            if len(set(values)) > 1:
                rows.append((f"{section}.{key}", values))
        return rows


MEASURES: dict[str, tuple[str, Any, int]] = {
    "validation_loss": ("validation loss", "{:.4f}".format, 1),
    "bits_per_byte": ("bits per byte", "{:.4f}".format, 1),
    "loss": ("training loss", "{:.4f}".format, 0),
    "tokens_per_second": ("tokens per second", "{:,.0f}".format, -1),
    "seconds": ("time", duration, 0),
    "steps": ("updates", "{:,.0f}".format, 0),
    "tokens": ("tokens", compact, 0),
    "parameters": ("parameters", compact, 0),
    "flops": ("FLOPs", compact, 0),
}
"""Key of a figure, its name, how it is written, and whether less (1) or more (-1) of it is better."""


def compare(runs: Sequence[Run]) -> Comparison:
    """Read the runs to compare.

    Raises:
        TrainError: there are fewer than two or more than eight of them, one twice, or one without any update.
    """
    if not 2 <= len(runs) <= MOST_RUNS:
        raise TrainError(f"name 2 to {MOST_RUNS} runs to compare, there were {len(runs)}")
    folders = [run.folder.resolve() for run in runs]
    twice = next((run.folder for run, folder in zip(runs, folders, strict=True) if folders.count(folder) > 1), None)
    if twice is not None:
        raise TrainError(f"{twice} is named twice: name each run once")
    same_name = len({run.name for run in runs}) < len(runs)
    return Comparison([_compared(run, str(run.folder) if same_name else run.name) for run in runs])


def _compared(run: Run, name: str) -> Compared:
    recipe, history = run.recipe(), load_history(run)
    if not history.updates:
        raise TrainError(f"{run.folder} has made no update yet: there is nothing to compare")
    last, validated = history.updates[-1], history.validations[-1:]
    figures = {"steps": last["step"]} | {
        key: last[key] for key in ("tokens", "seconds", "flops", "loss") if key in last
    }
    figures["loss"] = smoothed(history.curve("loss"))[-1][1]
    figures["parameters"] = parameter_count(model_config(recipe))
    seconds, tokens = (last.get(key, 0) - history.updates[0].get(key, 0) for key in ("seconds", "tokens"))
    if seconds:  # of the loop, as in the results of a finished run: what came before the first update does not count
        figures["tokens_per_second"] = tokens / seconds
    for row in validated:
        figures |= {key: row[key] for key in ("validation_loss", "bits_per_byte") if key in row}
    if run.finished:
        results = run.results()
        figures |= {key: results[key] for key in MEASURES if isinstance(results.get(key), (int, float))}
    figures = {key: value for key, value in figures.items() if math.isfinite(value)}
    return Compared(name, recipe, history, run.finished, figures, _vocabulary(run, recipe), _held_out(run))


def _vocabulary(run: Run, recipe: Recipe) -> str:
    """Return what is equal for equal tokenizers: a hash of the file, or without one the settings and the text."""
    for folder in (run.tokens_folder, run.model_folder):
        path = folder / "tokenizer.json"
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()[:FINGERPRINT]
    return f"{recipe.tokenizer} {_held_out(run)}"


def _held_out(run: Run) -> str:
    """Return what is equal for runs with the same held-out text: the names and sizes of its documents."""
    if not run.corpus_file.is_file():
        return str(run.folder)
    return str(read_json(run.corpus_file).get("held_out"))


def _setting(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in value)
    return "–" if value is None else str(value)
