"""Tokens in colour: every token is there, and no text can steer the terminal or the page."""

import io
import re

import pytest

from llm_tokenizer import BytePairTokenizer
from llm_tokenizer.show import show_as_html, show_in_terminal, token_label

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


def test_page_is_whole_and_safe():
    page = show_as_html(TOKENIZER, TOKENIZER.encode('ab<script>"&'))
    assert "<script" not in page and "http" not in page and "src=" not in page
    spans = re.findall(r"<span [^>]*title=\"id (\d+) · bytes ([0-9a-f ]+)\">([^<]*)</span>", page)
    assert [int(id) for id, _, _ in spans] == TOKENIZER.encode('ab<script>"&')
    assert spans[0] == ("256", "61 62", "ab") and spans[1][2] == "&lt;"
    assert f"<p>{len(spans)} tokens</p>" in page
