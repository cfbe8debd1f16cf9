"""Formulas are set at build time: a page arrives with its mathematics in place and needs no script."""

from __future__ import annotations

import html
import re
from functools import lru_cache

import pykatex  # type: ignore[import-not-found]

_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_DISPLAY = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


class FormulaError(ValueError):
    """A formula that cannot be set."""


@lru_cache(maxsize=4096)
def render_formula(source: str, *, display: bool = False) -> str:
    """HTML and MathML for one formula.

    Raises:
        FormulaError: KaTeX does not understand the formula.
    """
    try:
        rendered: str = pykatex.renderToString(source.strip(), displayMode=display, throwOnError=True)
    except Exception as error:  # pykatex has one error class per kind of mistake, all plain exceptions
        raise FormulaError(f"KaTeX cannot set {source.strip()!r}: {error}") from error
    return f'<div class="formula">{rendered}</div>' if display else rendered


def render_formulas(page: str) -> str:
    """Replace every formula that the Markdown extension has marked in a page's HTML."""
    page = _DISPLAY.sub(lambda match: render_formula(html.unescape(match.group(1)), display=True), page)
    return _INLINE.sub(lambda match: render_formula(html.unescape(match.group(1))), page)
