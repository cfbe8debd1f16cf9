"""One color per axis, everywhere: the vocabulary page is the only list of axes."""

from __future__ import annotations

import re
from pathlib import Path

VOCABULARY = Path(__file__).parents[1] / "reference" / "vocabulary.md"

# In the order of the vocabulary's table: (on light paper, on dark paper). Both reach a contrast of 4.5.
COLORS = (
    ("#6b6256", "#c9bda9"),
    ("#0f7a4f", "#5fd6a0"),
    ("#0b7285", "#59cfe3"),
    ("#3d6b0f", "#a7d66b"),
    ("#2f4bd0", "#9db1ff"),
    ("#b4461a", "#ffa36f"),
    ("#8a5a00", "#f0be4e"),
    ("#a01f6b", "#ff93cb"),
    ("#6d3bc2", "#c9a5ff"),
    ("#b3202c", "#ff8f8f"),
    ("#4a5566", "#b3c0d3"),
    ("#5b6b00", "#cfd75a"),
    ("#8f3f8f", "#e7a0e7"),
    ("#7a4a2b", "#d9b08c"),
    ("#1f6f6f", "#7fd6d0"),
    ("#7b2d5e", "#e9a3cd"),
    ("#35608f", "#93c1f0"),
    ("#6f5a12", "#dcc46a"),
    ("#2c6e49", "#8fd0a8"),
    ("#94401f", "#f0a98a"),
    ("#5a4fcf", "#bcb4ff"),
    ("#7d3c5a", "#e0a1bd"),
    ("#276273", "#86c5d8"),
    ("#5c5470", "#c4bcd9"),
    ("#4f6b2c", "#b5d38a"),
    ("#8a4c2f", "#e6b08f"),
)

_ROW = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)
_CODE = re.compile(r"<code>([^<]+)</code>")
_NAME = re.compile(r"(^[*#]*|)([a-z_]+)")
_SHAPE = re.compile(r"(?<=\"|;)([a-z_*# ]+)(?=\"</span>|&#39;)")  # in a signature, and in a list of parameters


def axis_names(vocabulary: str | None = None) -> list[str]:
    """The axes in the order of the vocabulary's table."""
    return _ROW.findall(VOCABULARY.read_text(encoding="utf-8") if vocabulary is None else vocabulary)


def axis_stylesheet(names: list[str]) -> str:
    """A CSS variable and a class per axis, for light and dark mode."""
    if len(names) > len(COLORS):
        raise ValueError(f"{len(names)} axes and {len(COLORS)} colors: add a color in axes.py.")
    pairs = list(zip(names, COLORS, strict=False))
    light = "".join(f"  --axis-{name}: {color[0]};\n" for name, color in pairs)
    dark = "".join(f"  --axis-{name}: {color[1]};\n" for name, color in pairs)
    classes = "".join(f".axis-{name} {{ --axis: var(--axis-{name}); }}\n" for name in names)
    return f':root {{\n{light}}}\n[data-md-color-scheme="slate"] {{\n{dark}}}\n{classes}'


def color_axes(page: str, names: list[str]) -> str:
    """Color inline code, and shapes in signatures, that name nothing but axes."""
    known = set(names)

    def mark(match: re.Match[str]) -> str:
        words = match.group(1).split()
        if not words or any(word.lstrip("*#") not in known for word in words):
            return match.group(0)
        return match.group(0).replace(match.group(1), axes_in_color(words))

    return _SHAPE.sub(mark, _CODE.sub(mark, page))


def axes_in_color(words: list[str]) -> str:
    """Axis names as colored HTML; in a product such as `heads*d_head` each factor has its own color."""
    return " ".join(_NAME.sub(_colored, word) for word in words)


def _colored(match: re.Match[str]) -> str:
    mark, name = match.groups()
    return f'<span class="axis axis-{name}">{mark}{name}</span>'
