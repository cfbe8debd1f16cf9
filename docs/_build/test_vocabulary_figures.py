"""What the pages on tokenization say in words must be what was measured, and each figure one piece of HTML."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import plots
import pytest
import record_vocabulary
import token_figures
import vocabulary_figures
from vocabulary_figures import recorded, shapes, share_of_tables

FIGURES = (
    token_figures.first_merges, token_figures.live_tokenizer, token_figures.scripts, vocabulary_figures.compression,
    vocabulary_figures.cuts, vocabulary_figures.longest_match, vocabulary_figures.size_table,
    vocabulary_figures.table_share, vocabulary_figures.words_without_end, vocabulary_figures.work_per_byte,
)  # fmt: skip


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_are_one_piece_of_html(figure: Callable[[], str]) -> None:
    drawing = figure()
    assert drawing.startswith(("<svg", "<div", "<ol")) and "\n" not in drawing


def test_each_doubling_of_the_vocabulary_brings_less() -> None:
    doubled = [
        size["bytes per token"] for size in recorded()["sizes"] if size["vocabulary"] in vocabulary_figures.MARKED
    ]
    gains = [larger - smaller for smaller, larger in pairwise(doubled)]
    assert len(gains) == 6 and gains == sorted(gains, reverse=True)


def test_rare_tokens_go_from_almost_none_to_almost_all() -> None:
    shares = {size["vocabulary"]: size["rare tokens"] / size["vocabulary"] for size in recorded()["sizes"]}
    assert shares[512] < 0.01 and shares[16384] > 0.9


def test_the_longest_token_that_fits_is_hardly_longer_or_shorter() -> None:
    measured = recorded()["longest match"]
    assert measured["merged"] == pytest.approx(measured["longest"], rel=0.01)


def test_without_a_cut_tokens_are_longer_and_words_have_many() -> None:
    cut, uncut = recorded()["cuts"]["cut"], recorded()["cuts"]["uncut"]
    assert uncut["bytes per token"] > cut["bytes per token"]
    assert cut["mixed"] == 0 < uncut["mixed"]
    assert len(uncut["copies"]) > 2 * len(cut["copies"])


def test_work_per_byte_is_lowest_between_the_ends_and_later_for_a_larger_model() -> None:
    small, large = (vocabulary_figures.works(config) for config in shapes().values())
    assert small[0] > min(small) < small[-1]
    assert large.index(min(large)) > small.index(min(small))


def test_the_tables_become_most_of_a_small_model() -> None:
    config = shapes()["small"]
    assert share_of_tables(config, 512) < 0.2 and share_of_tables(config, 16384) > 0.5


def test_merges_on_the_page_are_the_first_thousand() -> None:
    merges = token_figures.shakespeare_merges()
    assert len(merges) == record_vocabulary.SHOWN_MERGES
    assert all(max(pair) < 256 + number for number, pair in enumerate(merges))


def test_a_small_text_is_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = ["the cat, the dog, and the cat\nand the dog again\n" * 3]
    measured, merges = record_vocabulary.measure(training, ["the cat sat\n"], sizes=(256, 260, 270), cut_size=264)
    measured["corpus"]["held out"] = ["a line"]
    record_vocabulary.write(measured, merges, tmp_path)
    monkeypatch.setattr(plots, "RECORDED", tmp_path)
    assert recorded()["words"]["held out running unknown"] == 1
    assert json.loads((tmp_path / "shakespeare-merges.json").read_text()) == [list(pair) for pair in merges]
    assert "1 in 3" in vocabulary_figures.words_without_end()


def test_what_is_not_recorded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "RECORDED", tmp_path)
    with pytest.raises(ValueError, match=r"record_vocabulary\.py"):
        recorded()
