"""Show tokens: one color after the other, in a terminal or on a web page.

What is not a printable character is shown by name, so that nothing hides and no text can steer the terminal: a
line break as `↵`, a part of a character as its bytes in hexadecimal. Without colors a bar follows each
token.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.interface import Tokenizer

if TYPE_CHECKING:
    from rich.text import Text

# Five pale backgrounds that stay apart for color-blind eyes too; special tokens are dark instead.
COLORS = ("#c0def5", "#fbe3b9", "#d3ecd0", "#f3d3e3", "#e0dbf2")
INK, SPECIAL_INK, SPECIAL_COLOR = "#111111", "#ffffff", "#444444"
BAR, OPEN, CLOSE = "│⟦⟧"
_MARKS = str.maketrans({mark: f"⟨U+{ord(mark):04X}⟩" for mark in (BAR, OPEN, CLOSE)})


def token_label(data: bytes) -> str:
    """Return how one token is shown: its text where it is text, `⟨e2 82⟩` where it is a part of a character."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return f"⟨{data.hex(' ')}⟩"
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character == "\n":
        return "↵\n"
    if character.isprintable():
        return character
    if character == "\t":
        return "⇥"
    return f"⟨U+{ord(character):04X}⟩"


def flat_label(data: bytes) -> str:
    """Return a token as it is shown on one line."""
    return token_label(data).replace("\n", "")


def show_with_marks(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Return the tokens as plain text with a bar after each, and special tokens in brackets: `The│ cat│⟦<|end|>⟧│`.

    For pipes, and for terminals on which five pale colors look alike. A bar in the text itself is shown by its name.
    """
    special = set(tokenizer.special_tokens.values())
    parts = []
    for id in ids:
        label = token_label(tokenizer.token_bytes(id)).translate(_MARKS)
        label = f"{OPEN}{label}{CLOSE}" if id in special else label
        parts.append(label[:-1] + BAR + "\n" if label.endswith("\n") else label + BAR)
    return "".join(parts)


def show_in_terminal(tokenizer: Tokenizer, ids: Sequence[int], *, before: int = 0) -> Text:
    """Return the tokens as a `rich` text, which any console prints in color; `before` is how many came before them."""
    from rich.text import Text  # takes longer to import than all the rest, and only this needs it

    shown = Text()
    special = set(tokenizer.special_tokens.values())
    for place, id in enumerate(ids, start=before):
        ink, color = _colors(place, id in special)
        shown.append(token_label(tokenizer.token_bytes(id)), style=f"{ink} on {color}")
    return shown


def show_as_html(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Return the tokens as a web page in one file; pointing at a token shows its id and its bytes."""
    return _page("Tokens", f"<p>{quantity(len(ids), 'token')}</p>\n{_spans(tokenizer, ids)}")


def compare_as_html(rows: Sequence[tuple[str, Tokenizer, Sequence[int]]], size: int) -> str:
    """Return several vocabularies on one text of this many bytes, one below the other, as a web page in one file."""
    parts = [
        f"<h2>{html.escape(name)}</h2>\n<p>{quantity(len(ids), 'token')}, {size / max(len(ids), 1):.2f} bytes each, "
        f"of a vocabulary of {tokenizer.vocab_size}</p>\n{_spans(tokenizer, ids)}"
        for name, tokenizer, ids in rows
    ]
    return _page("Vocabularies side by side", "\n".join(parts))


def _spans(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    special = set(tokenizer.special_tokens.values())
    spans = []
    for place, id in enumerate(ids):
        data = tokenizer.token_bytes(id)
        ink, color = _colors(place, id in special)
        spans.append(
            f'<span style="color:{ink};background:{color}" title="id {id} · bytes {data.hex(" ")}">'
            f"{html.escape(token_label(data))}</span>"
        )
    return f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{"".join(spans)}</div>'


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title></head>\n'
        '<body style="font:1rem/1.9 ui-monospace,monospace;max-width:60rem;margin:2rem auto;padding:0 1rem">\n'
        f"{body}\n</body></html>\n"
    )


def _colors(place: int, special: bool) -> tuple[str, str]:
    return (SPECIAL_INK, SPECIAL_COLOR) if special else (INK, COLORS[place % len(COLORS)])
