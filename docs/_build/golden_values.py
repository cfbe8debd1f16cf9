"""Golden numbers as HTML that a person can read: small tables whose cells are tinted by sign and size."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from axes import axes_in_color

SHOWN_NUMBERS = 192
SHOWN_ITEMS = 48


def show_value(value: Any, axes: str | None = None) -> str:
    """Any value of a case as one piece of HTML without empty lines."""
    if isinstance(value, np.ndarray):
        return show_array(value, axes)
    if isinstance(value, bytes):
        return f'<code class="bytes">{value.hex(" ") or "(no bytes)"}</code>'
    if isinstance(value, (list, tuple)):
        return _show_list(value)
    if isinstance(value, dict):
        return _show_list([f"{key} → {item}" for key, item in value.items()])
    if isinstance(value, str):
        return f"<code>{_escape(value)}</code>" if value else "<em>the empty text</em>"
    if value is None:
        return "<em>none</em>"
    return f'<span class="plain">{format_number(value)}</span>'


def show_array(array: np.ndarray, axes: str | None = None) -> str:
    """An array as one tinted table per matrix, its axes named in their colors."""
    if array.ndim == 0:
        return show_value(array.item())
    names = name_axes(axes, array.ndim)
    shape = " × ".join(
        f"{axes_in_color([name])} {size}" if name else str(size) for name, size in zip(names, array.shape, strict=True)
    )
    caption = f'<div class="shape">{shape} <span class="dtype">{array.dtype}</span></div>'
    if array.size == 0:
        return f'<div class="array">{caption}<em>no numbers</em></div>'
    largest = _largest(array)
    matrices = array.reshape(-1, array.shape[-1]) if array.ndim < 3 else array
    if array.ndim < 3:
        body = _table(matrices, largest, rows_numbered=array.ndim == 2)
    else:
        body = _stack(array, names, largest)
    return f'<div class="array">{caption}{body}</div>'


def name_axes(axes: str | None, dimensions: int) -> list[str]:
    """Spread `*batch d_model` over an array's dimensions; a starred name takes what is left."""
    words = (axes or "").split()
    starred = [place for place, word in enumerate(words) if word.startswith("*")]
    if not starred:
        return words if len(words) == dimensions else [""] * dimensions
    extra = dimensions - (len(words) - 1)
    if extra < 0:
        return [""] * dimensions
    place = starred[0]
    return [*words[:place], *[words[place].lstrip("*")] * extra, *words[place + 1 :]]


def format_number(number: Any) -> str:
    """At most five digits: the exact number is in the case file."""
    if isinstance(number, (bool, np.bool_)):
        return "yes" if number else "no"
    if isinstance(number, (int, np.integer)):
        return str(int(number))
    value = float(number)
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    if math.isnan(value):
        return "NaN"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value)).replace("-", "−")
    text = f"{value:.4g}"
    if "e" in text:
        digits, exponent = text.split("e")
        text = f"{digits}e{int(exponent)}"
    return text.replace("-", "−")


def _stack(array: np.ndarray, names: list[str], largest: float) -> str:
    parts, shown = [], 0
    for place in np.ndindex(*array.shape[:-2]):
        if shown >= SHOWN_NUMBERS:
            parts.append(_and_more(array.size - shown))
            break
        label = ", ".join(f"{name or 'axis'} {index}" for name, index in zip(names, place, strict=False))
        parts.append(f'<div class="slice"><span class="slice-name">{label}</span>{_table(array[place], largest)}</div>')
        shown += array[place].size
    return f'<div class="slices">{"".join(parts)}</div>'


def _table(matrix: np.ndarray, largest: float, *, rows_numbered: bool = True) -> str:
    rows = max(1, SHOWN_NUMBERS // max(1, matrix.shape[-1]))
    lines = []
    for index, row in enumerate(matrix[:rows]):
        head = f"<th>{index}</th>" if rows_numbered else ""
        cells = "".join(_cell(number, largest) for number in row[:SHOWN_NUMBERS])
        lines.append(f"<tr>{head}{cells}</tr>")
    left = matrix.size - min(rows, len(matrix)) * min(matrix.shape[-1], SHOWN_NUMBERS)
    return f'<div class="scroll"><table class="numbers">{"".join(lines)}</table></div>' + _and_more(left)


def _cell(number: Any, largest: float) -> str:
    if isinstance(number, np.bool_):
        return f'<td class="{"yes" if number else "no"}">{"●" if number else "·"}</td>'
    value = float(number)
    if not math.isfinite(value):
        return f'<td class="infinite">{format_number(number)}</td>'
    share = abs(value) / largest if largest else 0.0
    sign = "negative" if value < 0 else "positive" if value > 0 else "zero"
    exact = repr(number.item())
    return f'<td class="{sign}" style="--share:{share:.2f}" title="{exact}">{format_number(number)}</td>'


def _largest(array: np.ndarray) -> float:
    if array.dtype == np.bool_:
        return 1.0
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    return float(finite.max()) if finite.size else 0.0


def _show_list(values: Sequence[Any]) -> str:
    if not values:
        return "<em>an empty list</em>"
    if all(isinstance(value, np.ndarray) for value in values):
        return "".join(show_array(value) for value in values)
    chips = "".join(f'<code class="chip">{_chip(value)}</code>' for value in values[:SHOWN_ITEMS])
    return f'<div class="chips">{chips}</div>' + _and_more(len(values) - SHOWN_ITEMS)


def _chip(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(_chip(item) for item in value)
    return _escape(value) if isinstance(value, str) else str(value)


def _and_more(left: int) -> str:
    return f'<div class="more">… and {left} more in the case file</div>' if left > 0 else ""


def _escape(text: str) -> str:
    """Text with its spaces and control characters made visible, safe inside HTML and Markdown."""
    visible = "".join("␣" if character == " " else _visible(character) for character in text)
    return html.escape(visible).translate({ord(sign): f"&#{ord(sign)};" for sign in "*_`[]$\\|~^"})


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
