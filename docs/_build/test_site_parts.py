"""The small machines behind the site, each on an example that fits in the eye."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import diagrams
import numpy as np
import plots
import pytest
import record_run
import run_figures
from axes import axis_names, axis_stylesheet, color_axes
from carried_assets import keep_rules, read_carried_assets
from contract_page import page_address
from formulas import FormulaError, render_formulas
from golden_values import format_number, name_axes, show_array, show_value
from mkdocs.exceptions import PluginError
from offline_check import find_remote_assets
from plots import chart, spread, thin, ticks
from reference_links import link_contracts
from site_hooks import on_page_content, on_page_markdown
from spec_pages import DOCS, PACKAGES, index_page, load_specifications, specification_pages

from llm_train.recipes.settings import SECTION_OF


def test_a_page_that_continues_others_shows_how_to_start() -> None:
    path = DOCS / "tutorial" / "softmax.md"
    file = SimpleNamespace(abs_src_path=str(path), src_uri="tutorial/softmax.md")
    shown = on_page_markdown(path.read_text(encoding="utf-8"), SimpleNamespace(file=file))
    assert "[the pages before](positions.md)" in shown
    assert "```python\nfrom example import *\nfrom my_layers import *\n```\n" in shown
    assert "continues:" not in shown


def test_a_note_whose_text_begins_on_its_first_line_is_refused() -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="how-to/a.md"), url="how-to/a/")
    with pytest.raises(PluginError, match=r"how-to/a\.md: the text of a note"):
        on_page_content('<p>!!! note "How" A file\nsays</p>', page, SimpleNamespace(extra={}))
    with pytest.raises(PluginError, match=r"how-to/a\.md: the text of a note"):
        on_page_content('<p>??? success "Solution" A file</p>', page, SimpleNamespace(extra={}))
    assert on_page_content("<p>A file!!!</p>", page, SimpleNamespace(extra={})) == "<p>A file!!!</p>"


def test_the_reference_has_every_field_of_a_recipe() -> None:
    page = (DOCS / "reference" / "llm-train.md").read_text(encoding="utf-8")
    file = SimpleNamespace(abs_src_path="", src_uri="reference/llm-train.md")
    shown = on_page_markdown(page, SimpleNamespace(file=file))
    for field, section in SECTION_OF.items():
        assert f"<code>{section}.{field}</code>" in shown
    assert "--set threads=" in shown


@pytest.mark.parametrize("folder", ["explanation", "how-to", "packages", "reference"])
def test_the_first_page_of_a_folder_links_all_others(folder: str) -> None:
    index = (DOCS / folder / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (DOCS / folder).glob("*.md")} - {"index.md"}
    assert [name for name in sorted(pages) if f"({name}" not in index] == []


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


def test_axes_are_colored_only_where_a_code_names_nothing_else() -> None:
    page = color_axes("<code>*batch d_model</code> <code>batch(3)</code>", ["batch", "d_model"])
    assert page.count('class="axis ') == 2
    assert "<code>batch(3)</code>" in page


def test_the_vocabulary_has_a_color_for_each_axis() -> None:
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
    ("number", "text"),
    [(0.5, "0.5"), (-3.0, "−3"), (1.23456e-7, "1.235e-7"), (float("-inf"), "−∞"), (7, "7"), (True, "yes")],
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert format_number(number).replace("-", "−") == text.replace("-", "−")


def test_an_array_shows_every_number_and_its_axes() -> None:
    shown = show_array(np.array([[1.0, -2.0], [0.0, 4.0]]), "*batch d_model")
    assert shown.count("<td") == 4
    assert "axis-d_model" in shown and "\n\n" not in shown


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


def test_docstrings_link_to_their_contracts() -> None:
    page = "<p>Spec: layers.rms_norm\nSource: Zhang 2019, arXiv:1910.07467.</p>"
    linked = link_contracts(page, {"layers.rms_norm"}, lambda name: f"../{name}")
    assert '<a href="../layers.rms_norm">' in linked and "Zhang" in linked
    with pytest.raises(ValueError, match="no such contract"):
        link_contracts(page, set(), str)


def test_labels_that_would_cover_each_other_move_apart() -> None:
    placed = spread({(0, "a"): 100.0, (1, "b"): 104.0}, 16)
    assert placed[1, "b"] - placed[0, "a"] == 16
    three = spread({(0, "a"): 100.0, (1, "b"): 100.0, (2, "c"): 100.0}, 16)
    assert three[1, "b"] - three[0, "a"] > 15.9 and three[2, "c"] - three[1, "b"] > 15.9


def test_every_contract_has_a_page_with_its_clauses_and_cases() -> None:
    specifications = load_specifications()
    pages = specification_pages(specifications, [])
    for specification in specifications:
        for contract in specification.contracts:
            page = pages[page_address(contract)]
            assert all(f"clause-{place}" in page for place in range(1, len(contract.clauses) + 1))
            assert page.count("<details") == len(specification.cases[contract.id])


def test_every_contract_sends_its_reader_to_a_page_that_exists() -> None:
    for specification in load_specifications():
        for contract in specification.contracts:
            assert (DOCS / f"{contract.page}.md").is_file(), contract.id


def test_the_mutation_score_is_shown_where_it_is_recorded() -> None:
    score = {
        "specification": "llm-layers", "faults": 200, "caught": 199, "slips": {"layers.softmax": 50},
        "planted": {"layers.softmax": 150}, "equivalent": 3, "variants accepted": 4, "variants refused": [],
    }  # fmt: skip
    assert "99.5%" in index_page([], [score])


FIGURES = (
    diagrams.flow,
    diagrams.block,
    plots.schedule,
    plots.temperatures,
    plots.rotary_clocks,
    plots.rotary_scalings,
)


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_are_one_piece_of_html_and_take_their_colors_from_the_page(figure: Callable[[], str]) -> None:
    drawing = figure()
    assert drawing.startswith(("<svg", "<div")) and "\n\n" not in drawing
    assert "#" not in drawing


def test_a_run_is_recorded_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, recorded = tmp_path / "tale", tmp_path / "recorded"
    (run / "samples").mkdir(parents=True)
    (run / "samples" / "step-00000001.txt").write_text("<once>\n", encoding="utf-8")
    rows = [{"step": 1, "loss": 5.5}, {"step": 2, "loss": 5.0}, {"step": 2, "validation_loss": 5.25}]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    figures = dict.fromkeys(record_run.FIGURES, 65.0)
    (run / "results.json").write_text(json.dumps(figures), encoding="utf-8")
    record_run.record(run, recorded)
    monkeypatch.setattr(plots, "RECORDED", recorded)
    assert "validation" in plots.loss_curve("tale")
    assert "1:05 min" in run_figures.run_numbers("tale")
    assert "&lt;once&gt;" in run_figures.run_samples("tale")
    with pytest.raises(ValueError, match="no run 'other'"):
        run_figures.run_numbers("other")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference(package: str) -> None:
    page = (DOCS / "reference" / f"{package.replace('_', '-')}.md").read_text(encoding="utf-8")
    shown = {line.split(".")[-1] for line in page.splitlines() if line.startswith("::: ")}
    assert set(importlib.import_module(package).__all__) <= shown
