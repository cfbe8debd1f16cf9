"""Tokens in color: every token is there, and no text can steer the terminal or the page."""

import io
import re

import pytest

from llm_tokenizer import BytePairTokenizer
from llm_tokenizer.commands.token_display import COLORS, show_as_html, show_in_terminal, show_with_marks, token_label

TOKENIZER = BytePairTokenizer([(97, 98)], special_tokens=["<|end|>"])


@pytest.mark.parametrize(
    ("data", "label"),
    [
        (b" ab", " ab"),
        (b"\n", "↵\n"),
        (b"\t", "⇥"),
        (b"\x1b", "⟨U+001B⟩"),
        (b"\xe2\x82", "⟨e2 82⟩"),
        ("é".encode(), "é"),
        ("\u202e".encode(), "⟨U+202E⟩"),  # would turn the direction of the line
    ],
)
def test_labels(data, label):
    assert token_label(data) == label


def test_terminal():
    from rich.console import Console

    shown = show_in_terminal(TOKENIZER, TOKENIZER.encode("abc\x1b[2J<|end|>", allowed_special=["<|end|>"]))
    assert shown.plain == "abc⟨U+001B⟩[2J<|end|>"
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="truecolor", width=80).print(shown)
    assert "\x1b[2J" not in out.getvalue()
    assert len(shown.spans) == 7 and shown.spans[0].style != shown.spans[1].style


def test_colors_go_on_in_the_next_part():
    ids = TOKENIZER.encode("abcabcabcx")
    parts = [show_in_terminal(TOKENIZER, ids[:3]), show_in_terminal(TOKENIZER, ids[3:], before=3)]
    whole = show_in_terminal(TOKENIZER, ids)
    assert [span.style for part in parts for span in part.spans] == [span.style for span in whole.spans]


def test_the_colors_stay_apart_where_there_are_only_256():
    from rich.color import Color, ColorSystem

    assert len({Color.parse(color).downgrade(ColorSystem.EIGHT_BIT).number for color in COLORS}) == len(COLORS)


def test_marks_where_there_are_no_colors():
    ids = TOKENIZER.encode("ab│c\n<|end|>", allowed_special="all")
    assert show_with_marks(TOKENIZER, ids[:1]) == "ab│"
    assert show_with_marks(TOKENIZER, ids) == "ab│⟨e2⟩│⟨94⟩│⟨82⟩│c│↵│\n⟦<|end|>⟧│"
    bar = BytePairTokenizer([(0xE2, 0x94), (256, 0x82)])
    assert show_with_marks(bar, bar.encode("│a")) == "⟨U+2502⟩│a│"


def test_page_is_whole_and_safe():
    page = show_as_html(TOKENIZER, TOKENIZER.encode('ab<script>"&'))
    assert "<script" not in page and "http" not in page and "src=" not in page
    spans = re.findall(r"<span [^>]*title=\"id (\d+) · bytes ([0-9a-f ]+)\">([^<]*)</span>", page)
    assert [int(id) for id, _, _ in spans] == TOKENIZER.encode('ab<script>"&')
    assert spans[0] == ("256", "61 62", "ab") and spans[1][2] == "&lt;"
    assert f"<p>{len(spans)} tokens</p>" in page
