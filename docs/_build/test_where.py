"""Whoever looks for one of these things opens the right file at the first guess."""

from __future__ import annotations

import pytest
from where import ROOT, THINGS, Thing, find, readme_table, where_is


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.name)
def test_the_file_of_that_name_defines_it(thing: Thing) -> None:
    assert find(thing).stem == thing.guess


def test_the_page_shows_every_thing() -> None:
    drawing = where_is()
    assert all(thing.name in drawing and thing.definition in drawing for thing in THINGS)


def test_a_thing_that_moved_is_reported() -> None:
    with pytest.raises(ValueError, match=r"one nowhere\.py must define rms_norm"):
        find(Thing("RMSNorm", "llm-layers", "nowhere", "rms_norm"))


def test_the_readme_holds_the_table():
    assert readme_table() in (ROOT / "README.md").read_text(encoding="utf-8")
