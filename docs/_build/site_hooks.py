"""What happens between the Markdown of docs/ and the built site; mkdocs calls these functions.

on_config          the specification's pages enter the navigation
on_files           generated files: specification pages, fonts, KaTeX's stylesheet, axis colors
on_page_markdown   `<!-- figure: name -->` becomes an inline drawing, `<!-- continues: page.md -->` its first lines
on_page_content    formulas are set, axis names get their colors, docstrings link to their contracts
on_post_build      the search index loses what its reader takes for wildcards; the site must load nothing from elsewhere
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))  # the neighbors are imported while pages are built, too

import diagrams
import layer_figures
import layer_speed_figures
import live_layers
import plots
import recipe_fields
import run_figures
import speed_figures
import token_figures
import vocabulary_figures
import weight_figures
from axes import axis_names, axis_stylesheet, color_axes
from carried_assets import read_carried_assets
from contract_page import page_address
from examples import CONTINUES, start_lines, title_of
from formulas import render_formulas
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url
from offline_check import find_remote_assets
from reference_links import link_contracts
from spec_pages import PACKAGES, load_specifications, navigation, read_scores, specification_pages
from trial_pages import ADDRESS, read_trials, trials_page
from where import where_is

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from llm_tokenizer.conformance import Specification

FIGURES: dict[str, Callable[..., str]] = {
    "flow": diagrams.flow,
    "where is": where_is,
    "recipe fields": recipe_fields.fields_table,
    "recipe settings": recipe_fields.how_to_set,
    "block": diagrams.block,
    "loss curve": plots.loss_curve,
    "numbers": run_figures.run_numbers,
    "samples": run_figures.run_samples,
    "schedule": plots.schedule,
    "temperatures": plots.temperatures,
    "rotary clocks": plots.rotary_clocks,
    "rotary scalings": plots.rotary_scalings,
    "causal mask": plots.causal_mask,
    "sliding window": plots.sliding_window,
    "alternatives": layer_figures.alternatives,
    "lookup": layer_figures.lookup,
    "heads": layer_figures.heads,
    "cache": layer_figures.cache,
    "decoder shapes": layer_figures.decoder_shapes,
    "attention explorer": live_layers.attention_explorer,
    "rotary turning": live_layers.rotary_turning,
    "live tokenizer": token_figures.live_tokenizer,
    "merges in order": token_figures.first_merges,
    "scripts in bytes": token_figures.scripts,
    "words without end": vocabulary_figures.words_without_end,
    "longest match": vocabulary_figures.longest_match,
    "with and without a cut": vocabulary_figures.cuts,
    "bytes per token": vocabulary_figures.compression,
    "fraction in the tables": vocabulary_figures.table_share,
    "work per byte": vocabulary_figures.work_per_byte,
    "vocabulary sizes": vocabulary_figures.size_table,
    "depth growth": weight_figures.depth_growth,
    "quantized weights": weight_figures.codes_table,
    "product times": weight_figures.product_times,
    "encoding speed": speed_figures.encode_speeds,
    "other speeds": speed_figures.other_speeds,
    "where speed was measured": speed_figures.where_measured,
    "layer speed": layer_speed_figures.steps,
    "layer speed in bfloat": layer_speed_figures.low_steps,
    "layer memory": layer_speed_figures.memory,
    "layer ladder": layer_speed_figures.ladder,
    "layer compile": layer_speed_figures.compiled,
    "where layers were measured": layer_speed_figures.where,
}
_FIGURE = re.compile(r"<!-- figure: ([a-z ]+?)(?: of ([a-z-]+))? -->")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put one navigation entry per contract below the tab that holds `spec/index.md`."""
    specifications = _specifications(tuple(config.extra.get("specified_packages", PACKAGES)))
    for entry in config.nav or []:
        if isinstance(entry, dict) and entry.get("Specification") == "spec/index.md":
            entry["Specification"] = navigation(list(specifications))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add everything that is generated; nothing of it lies in the repository."""
    specifications = _specifications(tuple(config.extra.get("specified_packages", PACKAGES)))
    scores = read_scores(plots.RECORDED)
    for address, text in specification_pages(list(specifications), scores).items():
        files.append(File.generated(config, address, content=text))
    contracts = [contract for specification in specifications for contract in specification.contracts]
    addresses = {contract.id: page_address(contract).removeprefix("spec/") for contract in contracts}
    trials = trials_page(read_trials(plots.RECORDED), addresses)
    files.append(File.generated(config, ADDRESS, content=trials))
    carried = read_carried_assets()
    files.append(File.generated(config, "assets/carried.css", content=carried.stylesheet))
    for name, data in carried.fonts.items():
        files.append(File.generated(config, f"assets/fonts/{name}", content=data))
    files.append(File.generated(config, "assets/axes.css", content=axis_stylesheet(axis_names())))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Draw the figures that a page asks for, and show how to start where it continues another."""

    def draw(match: re.Match[str]) -> str:
        name, argument = match.groups()
        if name not in FIGURES:
            raise PluginError(f"{page.file.src_uri} asks for the figure {name!r}; there are {sorted(FIGURES)}.")
        try:
            drawing = FIGURES[name](argument) if argument else FIGURES[name]()
        except (OSError, ValueError) as error:
            raise PluginError(f"{page.file.src_uri}, figure {name!r}: {error}") from error
        return f'<figure class="drawing">{drawing}</figure>'

    def start(match: re.Match[str]) -> str:
        lines = start_lines(Path(page.file.abs_src_path), markdown)
        names = match[1].split()
        if len(names) == 1:
            pages = f"[the pages before]({names[0]})"
        else:
            pages = " and ".join(f"[{title_of(Path(page.file.abs_src_path).parent / name)}]({name})" for name in names)
        return f"In a new session, first get the names from {pages}:\n\n```python\n{lines}```"

    return CONTINUES.sub(start, _FIGURE.sub(draw, markdown))


def on_page_content(html: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Set the formulas, color the axes, and link the reference with the specification."""
    if "<p>!!!" in html or "<p>???" in html:
        raise PluginError(
            f"{page.file.src_uri}: the text of a note (!!!, ???) must begin on a line of its own, indented"
        )
    try:
        html = color_axes(render_formulas(html), axis_names())
        if page.file.src_uri.startswith("reference/"):
            known = _contracts(tuple(config.extra.get("specified_packages", PACKAGES)))
            html = link_contracts(html, known, lambda name: _address(name, page.url))
        return html
    except ValueError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error


def on_post_build(config: MkDocsConfig) -> None:
    """Make every word of the search index findable, and refuse a site that would reach out."""
    index = Path(config.site_dir) / "search" / "search_index.json"
    if index.exists():
        # lunr takes a * in the text for a wildcard: then it finds words that are in no page, and answers nothing.
        index.write_text(index.read_text(encoding="utf-8").replace("*", "∗"), encoding="utf-8")
    problems = find_remote_assets(Path(config.site_dir))
    if problems:
        raise PluginError("The site must open with no network, but:\n" + "\n".join(problems))


def _address(contract: str, page: str) -> str:
    return get_relative_url(f"spec/{contract.replace('.', '/')}/", page)


@cache
def _contracts(packages: tuple[str, ...]) -> frozenset[str]:
    return frozenset(contract.id for each in _specifications(packages) for contract in each.contracts)


@cache
def _specifications(packages: tuple[str, ...]) -> tuple[Specification, ...]:
    return tuple(load_specifications(packages))
