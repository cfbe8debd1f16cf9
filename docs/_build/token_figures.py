"""Tokens made visible on the site: merges in their order, and the live tokenizer as it looks without scripts."""

from __future__ import annotations

import html
import json
from itertools import pairwise

from drawing import box, svg, words
from vocabulary_figures import recorded

from llm_tokenizer.commands.token_display import token_label
from llm_tokenizer.reference import merge_pair, split_text

SENTENCE = "To be, or not to be, that is the question"
FIRST = 24
GREETINGS = (
    ("English", "Good morning, how are you?"),
    ("German", "Guten Morgen, wie geht’s dir?"),
    ("Polish", "Dzień dobry, jak się masz?"),
    ("Greek", "Καλημέρα, τι κάνεις;"),
    ("Russian", "Доброе утро, как дела?"),
    ("Arabic", "صباح الخير، كيف حالك؟"),
    ("Hindi", "सुप्रभात, आप कैसे हैं?"),
    ("Chinese", "早上好，你好吗？"),
)

Merge = tuple[int, int]
Words = list[list[int]]


def shakespeare_merges() -> list[Merge]:
    """The first thousand merges of the plays."""
    return [(left, right) for left, right in recorded("shakespeare-merges")]


def live_tokenizer(text: str = SENTENCE) -> str:
    """What a script turns into the live tokenizer; without one, every step for one sentence, ready drawn."""
    merges = shakespeare_merges()
    data = json.dumps(merges, separators=(",", ":"))
    names = token_names(merges)
    steps = ""
    for first, state in replay(split_text(text, "gpt2"), merges):
        name = "bytes" if first is None else pair_name(merges[first], names)
        steps += f"<li><span>{name}</span>{row(state, first, names)}</li>"
    return (
        f'<div id="live-tokenizer" data-text="{html.escape(text)}">'
        f'<script type="application/json">{data}</script>'
        f'<p>{html.escape(text)}</p><ol class="steps">{steps}</ol></div>'
    )


def replay(pieces: list[str], merges: list[Merge]) -> list[tuple[int | None, Words]]:
    """Every state from bytes to the end, each with the number of the merge that led to it."""
    rank = {pair: number for number, pair in enumerate(merges)}
    state = [list(piece.encode()) for piece in pieces]
    steps: list[tuple[int | None, Words]] = [(None, state)]
    while known := [rank[pair] for word in state for pair in pairwise(word) if pair in rank]:
        first = min(known)
        state = [merge_pair(word, list(merges[first]), 256 + first) for word in state]
        steps.append((first, state))
    return steps


def token_names(merges: list[Merge]) -> list[str]:
    """Each token as people see it, its spaces as ␣."""
    tokens = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return [token_label(token).replace(" ", "␣").replace("↵\n", "↵") for token in tokens]


def pair_name(pair: Merge, names: list[str]) -> str:
    return html.escape(f"{names[pair[0]]} + {names[pair[1]]}")


def row(state: Words, first: int | None, names: list[str]) -> str:
    """One row of tokens; those that the last merge has made stand out."""
    places = iter(range(10**6))

    def token(id: int) -> str:
        made = " made" if first is not None and id == 256 + first else ""
        return f'<span class="token tint-{next(places) % 5}{made}" title="id {id}">{html.escape(names[id])}</span>'

    pieces = "".join(f'<span class="piece">{"".join(map(token, word))}</span>' for word in state)
    return f'<span class="tokens">{pieces}</span>'


def first_merges() -> str:
    """What is learned first on the plays."""
    merges = shakespeare_merges()
    names = token_names(merges)
    items = "".join(
        f"<li>{pair_name(pair, names)} → <b>{html.escape(names[256 + number])}</b></li>"
        for number, pair in enumerate(merges[:FIRST])
    )
    return f'<ol class="merges" start="0">{items}</ol>'


def scripts() -> str:
    """The same greeting in several scripts: its characters, and its bytes in UTF-8."""
    wide, high, left = 6.2, 15, 84
    parts, y = [], 8.0
    for language, text in GREETINGS:
        characters, size = len(text), len(text.encode())
        parts.append(words(left - 12, y + high, language, style="tick", anchor="end"))
        for place, (count, style) in enumerate(((characters, "bar soft"), (size, "bar"))):
            top = y + place * high
            parts.append(box(left, top, count * wide, high - 3, style=style, radius=3))
            parts.append(words(left + count * wide + 8, top + high / 2 - 1, str(count), style="tick", anchor="start"))
        y += 2 * high + 10
    parts.append(box(left, y + 2, 14, high - 3, style="bar soft", radius=3))
    parts.append(words(left + 22, y + high / 2 + 1, "characters", style="tick", anchor="start"))
    parts.append(box(left + 116, y + 2, 14, high - 3, style="bar", radius=3))
    parts.append(words(left + 138, y + high / 2 + 1, "bytes", style="tick", anchor="start"))
    return svg(480, y + high + 8, parts, label="The same greeting in eight languages, in characters and in bytes")
