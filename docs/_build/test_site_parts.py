"""The small machines behind the site, each on an example that fits in the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from axes import axis_names, axis_stylesheet, colour_axes
from carried_assets import keep_rules, read_carried_assets
from formulas import FormulaError, render_formulas
from golden_values import format_number, name_axes, show_array, show_value
from offline_check import find_remote_assets
from plots import chart, thin, ticks


def test_formulas_are_set_and_escapes_undone() -> None:
    page = render_formulas(r'<p><span class="arithmatex">\(a &lt; b\)</span></p>')
    assert 'class="katex"' in page
    assert r"\(" not in page


def test_a_broken_formula_is_named() -> None:
    with pytest.raises(FormulaError, match="frac"):
        render_formulas(r'<span class="arithmatex">\(\frac{\)</span>')


def test_only_the_rules_of_katex_and_of_the_text_fonts_are_kept() -> None:
    rules = "@font-face{font-family:KaTeX_Main}@font-face{font-family:Other}.katex a{b:c}.button{d:e}"
    assert keep_rules(rules) == ["@font-face{font-family:KaTeX_Main}", ".katex a{b:c}"]


def test_every_font_that_the_stylesheet_names_is_carried() -> None:
    carried = read_carried_assets()
    assert all(f"fonts/{name}" in carried.stylesheet for name in carried.fonts)
    assert "../" not in carried.stylesheet


def test_axes_are_coloured_only_where_a_code_names_nothing_else() -> None:
    page = colour_axes("<code>*batch d_model</code> <code>batch(3)</code>", ["batch", "d_model"])
    assert page.count('class="axis ') == 2
    assert "<code>batch(3)</code>" in page


def test_the_vocabulary_has_a_colour_for_each_axis() -> None:
    names = axis_names()
    assert {"batch", "position", "d_model", "heads", "vocab"} <= set(names)
    assert all(f"--axis-{name}:" in axis_stylesheet(names) for name in names)


@pytest.mark.parametrize(
    ("axes", "dimensions", "names"),
    [
        ("*batch d_model", 3, ["batch", "batch", "d_model"]),
        ("*batch d_model", 1, ["d_model"]),
        ("position", 1, ["position"]),
        ("a b", 1, [""]),
        (None, 2, ["", ""]),
    ],
)
def test_axis_names_spread_over_dimensions(axes: str | None, dimensions: int, names: list[str]) -> None:
    assert name_axes(axes, dimensions) == names


@pytest.mark.parametrize(
    ("number", "text"), [(0.5, "0.5"), (-3.0, "−3"), (1.23456e-7, "1.235e-7"), (float("-inf"), "−∞"), (7, "7"), (True, "yes")]
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert format_number(number).replace("-", "−") == text.replace("-", "−")


def test_an_array_shows_every_number_and_its_axes() -> None:
    shown = show_array(np.array([[1.0, -2.0], [0.0, 4.0]]), "*batch d_model")
    assert shown.count("<td") == 4
    assert 'axis-d_model' in shown and "\n\n" not in shown


def test_text_shows_its_spaces_and_cannot_break_the_page() -> None:
    assert show_value("a <b>|") == "<code>a␣&lt;b&gt;&#124;</code>"


def test_remote_assets_are_found_and_plain_links_are_free(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<a href="https://arxiv.org/abs/1">paper</a><link rel="canonical" href="https://x.org">'
        '<script src="//cdn.example/a.js"></script><link rel="preload" href="https://f.example/f.woff2">'
        '<style>@import "https://s.example/s.css";</style><div class="mermaid"></div>'
    )
    (tmp_path / "style.css").write_text("a{background:url('http://i.example/i.png')}b{background:url(data:x)}")
    problems = find_remote_assets(tmp_path)
    assert len(problems) == 5
    assert not any("arxiv" in problem or "x.org" in problem for problem in problems)


def test_ticks_enclose_the_range() -> None:
    marks = ticks(1.31, 4.42)
    assert marks[0] <= 1.31 and marks[-1] >= 4.42
    assert 4 <= len(marks) <= 9


def test_a_long_curve_is_thinned_and_drawn() -> None:
    points = thin([(float(step), 1.0 / (step + 1)) for step in range(5000)])
    assert len(points) < 300
    assert "loss" in chart({"loss": points}, across="step", up="loss", label="falling")
