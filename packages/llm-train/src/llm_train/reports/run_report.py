"""The page of one run: curves, samples, settings and machine in one HTML file, `report.html`."""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from llm_tokenizer.commands.wording import duration, quantity
from llm_train.reports.charts import Chart, Curve, compact, exact
from llm_train.reports.history import AXES, RATIO, History, load_history, smoothed
from llm_train.reports.page import LONGEST, bar_table, charts, escaped, fact_table, key_figures, write_page
from llm_train.runs.folder import Run, read_json

FILE = "report.html"
MOST_SAMPLES, LONGEST_SAMPLE = 12, 2000
"""Samples on the page, evenly spread over the run, and characters of each: a page has to stay small."""


def write_report(run: Run, results: Mapping[str, Any] | None = None) -> Path:
    """Write the page of a run, finished or not, into its folder and return its path.

    Args:
        run: its folder.
        results: of a run whose `results.json` is not written yet.

    Raises:
        TrainError: the run is damaged, or the file cannot be written.
    """
    recipe, history = run.recipe(), load_history(run)
    if results is None:
        results = run.results() if run.finished else {}
    path = run.folder / FILE
    step = history.updates[-1]["step"] if history.updates else 0
    state = "" if results else f" It is not finished: this is its state after {quantity(step, 'step')}."
    write_page(
        path,
        title=run.name,
        badge="Training run",
        lead=f"Recipe {recipe.name}. {recipe.about}{state}",
        top=key_figures(_figures(results, history)),
        sections={
            "Loss": charts([_loss(history)]),
            "Learning": charts(_learning(history)),
            "Speed": charts([_speed(history), _stages(results)]),
            "Samples": _samples(run, results),
            "Settings": _settings(recipe.to_dict()),
            "Environment": _environment(run),
        },
    )
    return path


def _figures(results: Mapping[str, Any], history: History) -> list[tuple[str, str, str]]:
    """List the key figures that are known: (name, value, remark)."""
    last: Mapping[str, Any] = history.validations[-1] if history.validations else {}
    known = {**last, **(history.updates[-1] if history.updates else {}), **results}
    known.setdefault("validation_loss", last.get("validation_loss"))
    known.setdefault("bits_per_byte", last.get("bits_per_byte"))
    known.setdefault("steps", known.get("step"))
    written = {
        "validation_loss": ("validation loss", "{:.4f}", "nats per token"),
        "bits_per_byte": ("bits per byte", "{:.4f}", "on held-out text"),
        "perplexity": ("perplexity", "{:.1f}", "equally likely tokens"),
        "steps": ("updates", "{:,.0f}", "steps of the optimizer"),
    }
    found = [
        (name, form.format(known[key]), remark)
        for key, (name, form, remark) in written.items()
        if isinstance(known.get(key), (int, float))
    ]
    amounts = {
        "tokens": ("training tokens", ""), "parameters": ("parameters", ""), "flops": ("FLOPs", "forward and backward"),
        "tokens_per_second": ("tokens per second", "of the training loop"),
    }  # fmt: skip
    found += [(name, compact(known[key]), remark) for key, (name, remark) in amounts.items() if known.get(key)]
    if known.get("seconds"):
        found.append(("time", duration(known["seconds"]), "of the whole command" if results else "so far"))
    known.setdefault("peak_memory_bytes", 1e6 * known.get("memory_mb", 0))
    known.setdefault("model_flops_utilization", known.get("peak_share"))
    if known.get("peak_memory_bytes"):
        found.append(("memory", f"{known['peak_memory_bytes'] / 1e9:.2f} GB", "at most"))
    if known.get("model_flops_utilization"):
        found.append(("utilization", f"{known['model_flops_utilization']:.0%}", "of the measured peak"))
    return found


def _loss(history: History) -> str:
    training, validation = history.curve("loss"), history.curve("validation_loss", validation=True)
    return Chart(
        title="Training and validation", x=AXES["step"], y="loss, nats per token", tall=True,
        note="The bright line is smoothed. A training loss is of one batch, before the update with it.",
        curves=[
            Curve("each batch", training, 0, faint=True),
            Curve("training, smoothed", smoothed(training), 0),
            Curve("validation", validation, 1, dots=True),
        ],
    ).html()  # fmt: skip


def _learning(history: History) -> list[str]:
    norms = history.curve("gradient_norm")
    groups = history.ratio_groups()
    return [
        Chart(
            title="Gradient norm", x=AXES["step"], y="before clipping", logarithmic=True,
            curves=[Curve("each update", norms, 2, faint=True), Curve("smoothed", smoothed(norms), 2)],
        ).html(),
        Chart(
            title="Learning rate", x=AXES["step"], y="multiple of the peak",
            curves=[Curve("learning rate", history.curve("lr_multiplier"), 4)],
        ).html(),
        Chart(
            title="Update-to-weight ratio", x=AXES["step"], y="norm of the update / norm of the weights",
            logarithmic=True,
            curves=[
                Curve(name.removeprefix(f"{RATIO}."), smoothed(history.curve(name)), k % 8)
                for k, name in enumerate(groups)
            ],
        ).html(),
    ]  # fmt: skip


def _speed(history: History) -> str:
    speeds = history.curve("tokens_per_second")
    if not speeds:  # an older run has only the time of each update
        places = list(zip(history.curve("seconds"), history.curve("seconds", "tokens"), strict=True))
        pairs = pairwise(places)
        speeds = [(b[0][0], (b[1][0] - a[1][0]) / (b[0][1] - a[0][1])) for a, b in pairs if b[0][1] > a[0][1]]
    return Chart(
        title="Throughput", x=AXES["step"], y="training tokens per second",
        curves=[Curve("each update", speeds, 5, faint=True), Curve("smoothed", smoothed(speeds), 5)],
    ).html()  # fmt: skip


def _stages(results: Mapping[str, Any]) -> str:
    seconds = results.get("seconds_by_stage")
    if not isinstance(seconds, Mapping) or not seconds:
        return ""
    parts = [(str(name), float(one), f"{one:.1f} s") for name, one in seconds.items()]
    title = '<figcaption><b>Where the time went</b><span class="unit">of the whole command</span></figcaption>'
    return f"<figure>{title}{bar_table(parts)}</figure>"


def _samples(run: Run, results: Mapping[str, Any]) -> str:
    """Return what the model wrote on the way, and the last sample."""
    paths = sorted(run.samples_folder.glob("step-*.txt"))
    count = min(len(paths), MOST_SAMPLES)
    chosen = sorted({round(k * (len(paths) - 1) / max(count - 1, 1)) for k in range(count)})
    parts = []
    for path in (paths[k] for k in chosen):
        digits = path.stem.removeprefix("step-")
        step = f"{int(digits):,}" if digits.isdecimal() else digits
        text = path.read_text(encoding="utf-8", errors="replace").strip("\n")
        body = f"<b>after step {escaped(step)}</b><pre>{escaped(text, LONGEST_SAMPLE)}</pre>"
        parts.append(f'<blockquote class="sample">{body}</blockquote>')
    prompt = results.get("sample_prompt", "").strip()
    shown = prompt if len(prompt) <= LONGEST else f"{prompt[:LONGEST]} …"
    about = f"Each continues the prompt {shown!r}. " if prompt and parts else ""
    about += f"{len(chosen)} of {len(paths)} samples are shown." if len(chosen) < len(paths) else ""
    return (f"<p class=note>{escaped(about)}</p>" if about else "") + "".join(parts)


def _settings(tables: Mapping[str, Mapping[str, Any]]) -> str:
    body = ""
    for name, table in tables.items():
        if "held_out" in table and not table["held_out"]:
            table = {**table, "held_out": "about the last tenth of the text"}
        facts = fact_table((key, _written(value)) for key, value in table.items())
        body += f"<section><h3>{escaped(name)}</h3>{facts}</section>" if table else ""
    return f'<div class="settings">{body}</div>'


def _environment(run: Run) -> str:
    if not run.environment_file.is_file():
        return ""
    facts: list[tuple[object, object]] = []
    for key, value in read_json(run.environment_file).items():
        facts += value.items() if isinstance(value, dict) else [(key.replace("_", " "), _written(value))]
    return fact_table(facts)


def _written(value: Any) -> str:
    """Write a setting for people."""
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in value) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not set"}[value]
    if isinstance(value, str):
        return repr(value) if value != value.strip() or not value else value
    return exact(value) if isinstance(value, (int, float)) and math.isfinite(value) else str(value)
