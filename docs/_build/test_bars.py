"""Bars are as long as their numbers, and the line is where its number is."""

from __future__ import annotations

import re

from bars import LEFT, RIGHT, WIDTH, bars

FULL = WIDTH - LEFT - RIGHT


def test_bars_are_as_long_as_their_numbers() -> None:
    groups = [("one", [("peer", 2.0), ("ours", 4.0)]), ("two", [("ours", 1.0)])]
    drawn = bars(groups, unit=" ×", label="speeds", pale=["peer"])
    lengths = re.findall(r'<rect class="[^"]*" x="[^"]*" y="[^"]*" width="([^"]*)"', drawn)
    assert [float(found) for found in lengths] == [FULL / 2, FULL, FULL / 4]
    assert re.findall(r'<rect class="([^"]*)"', drawn) == ["bar soft", "bar", "bar"]
    assert "4 × ours</text>" in drawn and ">one</text>" in drawn


def test_the_line_stands_where_its_number_is() -> None:
    drawn = bars([("one", [("ours", 4.0)])], unit="", label="speeds", line_at=(1.0, "the peer"))
    assert f'd="M{LEFT + FULL / 4:.1f} ' in drawn and "the peer</text>" in drawn
