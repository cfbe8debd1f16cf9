"""The page of a comparison: the curves of several runs over steps, tokens, seconds and FLOPs, in one HTML file."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from llm_tokenizer.commands.wording import quantity
from llm_train.reports.charts import Chart, Curve
from llm_train.reports.comparison import Compared, Comparison
from llm_train.reports.history import AXES, smoothed
from llm_train.reports.page import charts, escaped, write_page

FILE = "comparison.html"
LOSS = ("validation_loss", "loss, nats per token")
BITS = ("bits_per_byte", "bits per byte of held-out text")
OVER = {"step": "Over steps", "tokens": "Over tokens", "seconds": "Over seconds", "flops": "Over FLOPs"}


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write the page of a comparison.

    Raises:
        TrainError: the file cannot be written.
    """
    names = [run.name for run in comparison.runs]
    write_page(
        path,
        title=f"{quantity(len(names), 'run')} compared",
        badge="Comparison",
        lead=", ".join(names),
        top="".join(f'<p class="alert">{escaped(note)}</p>' for note in comparison.notes()),
        sections={
            "Settings that differ": _differing(comparison),
            "Results": _results(comparison),
            "Validation": charts(_validation(comparison, axis) for axis in AXES),
            "Training": charts(_training(comparison, axis) for axis in AXES) if comparison.same_vocabulary else "",
        },
    )


def _validation(comparison: Comparison, axis: str) -> str:
    name, unit = LOSS if comparison.same_vocabulary else BITS
    curves = [
        Curve(run.name, run.history.curve(name, axis, validation=True), place, dots=True)
        for place, run in enumerate(comparison.runs)
    ]
    return Chart(title=OVER[axis], x=AXES[axis], y=unit, curves=curves).html()


def _training(comparison: Comparison, axis: str) -> str:
    curves = [
        Curve(run.name, smoothed(run.history.curve("loss", axis)), place) for place, run in enumerate(comparison.runs)
    ]
    return Chart(title=OVER[axis], x=AXES[axis], y="loss, nats per token, smoothed", curves=curves).html()


def _results(comparison: Comparison) -> str:
    note = "<p class=note>The best value of a row is bold, where one is better.</p>"
    return note + _table(comparison.runs, comparison.table())


def _differing(comparison: Comparison) -> str:
    rows = [(name, values, None) for name, values in comparison.differing_settings()]
    return _table(comparison.runs, rows) if rows else "<p>All settings are the same.</p>"


def _table(runs: Sequence[Compared], rows: Iterable[tuple[str, list[str], int | None]]) -> str:
    head = "".join(f'<th scope="col" class="key c{place}">{escaped(run.name)}</th>' for place, run in enumerate(runs))
    body = ""
    for name, values, best in rows:
        cells = (
            f"<td{' class=best' if place == best else ''}>{escaped(value, 80)}</td>"
            for place, value in enumerate(values)
        )
        body += f'<tr><th scope="row">{escaped(name)}</th>{"".join(cells)}</tr>'
    return f'<div class="wide"><table><tr><td></td>{head}</tr>{body}</table></div>'
