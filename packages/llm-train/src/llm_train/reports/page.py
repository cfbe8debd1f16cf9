"""One HTML file that needs nothing else: no script, no font, no picture from elsewhere. Light, dark, and on paper."""

import html
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from llm_tokenizer.commands.deferred_imports import installed_version
from llm_tokenizer.files.writing import write_errors_as, write_text
from llm_train.interface import TrainError

LONGEST = 300
"""Characters of one setting that are shown."""


def write_page(path: Path, *, title: str, badge: str, lead: str, sections: Mapping[str, str], top: str = "") -> None:
    """Write a page of sections, in the order of the mapping; a section without content is left out.

    Args:
        path: of the file.
        title: the page's name.
        badge: what kind of page it is.
        lead: a sentence under the title.
        sections: HTML by heading.
        top: HTML between the lead and the sections.

    Raises:
        TrainError: the file cannot be written.
    """
    shown = {heading: body for heading, body in sections.items() if body}
    names = {heading: heading.lower().replace(" ", "-") for heading in shown}
    links = "".join(f'<li><a href="#{names[heading]}">{escaped(heading)}</a></li>' for heading in shown)
    bodies = "".join(
        f'<section id="{names[heading]}" aria-label="{escaped(heading)}"><h2>{escaped(heading)}</h2>{body}</section>\n'
        for heading, body in shown.items()
    )
    style = (files("llm_train") / "reports" / "page.css").read_text(encoding="utf-8")
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f'<header><p class="badge">{escaped(badge)}</p><h1>{escaped(title)}</h1>\n'
        f'<p class="lead">{escaped(lead)}</p>\n{top}\n<nav aria-label="Sections"><ul>{links}</ul></nav></header>\n'
        f"{bodies}</main>\n<footer>Written by llm-train {installed_version('llm-train')}. This file needs nothing "
        "else and loads nothing.</footer>\n</body>\n</html>\n"
    )
    with write_errors_as(TrainError, path):
        write_text(path, page)


def escaped(value: object, longest: int = 10_000) -> str:
    """Return text for a page: verbatim, cut after `longest` characters. A name that is not UTF-8 can be shown too."""
    text = str(value).encode("utf-8", "replace").decode()
    return html.escape(text if len(text) <= longest else f"{text[:longest]} …")


def key_figures(figures: Iterable[tuple[str, str, str]]) -> str:
    """Return (name, value, remark) as cards."""
    cards = (
        f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}<small>{escaped(remark)}</small></dd></div>"
        for name, value, remark in figures
    )
    return f'<dl class="figures">{"".join(cards)}</dl>'


def charts(figures: Iterable[str]) -> str:
    """Return charts side by side where there is room; nothing where there are none."""
    body = "".join(figures)
    return f'<div class="charts">{body}</div>' if body else ""


def fact_table(facts: Iterable[tuple[object, object]]) -> str:
    """Return names and values as a table."""
    rows = (f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(value, LONGEST)}</td></tr>' for name, value in facts)
    return f"<table>{''.join(rows)}</table>"


def bar_table(parts: Sequence[tuple[str, float, str]]) -> str:
    """Return (name, amount, words) as a table with a bar for each amount, relative to the largest."""
    largest = max((amount for _, amount, _ in parts), default=0) or 1
    rows = (
        f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(words)}</td>'
        f'<td aria-hidden="true"><span class="bar" style="width:{max(amount, 0) / largest:.1%}"></span></td></tr>'
        for name, amount, words in parts
    )
    return f'<table class="bars">{"".join(rows)}</table>'
