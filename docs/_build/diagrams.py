"""Diagrams: what flows through the packages, and how a block is built."""

from __future__ import annotations

from drawing import arrow, box, circle, svg, words

PACKAGES = (
    ("llm-tokenizer", "tokenizer"),
    ("llm-layers", "layers"),
    ("llm-train", "train"),
    ("llm-generate", "generate"),
)
BETWEEN = ("text", "ids", "logits", "model", "text")
_FLOW_LABEL = "text, llm-tokenizer, ids, llm-layers, logits, llm-train, a trained model, llm-generate, text"


def flow() -> str:
    """The way from text to text, once for wide paper and once for a phone."""
    return f'<div class="flow">{_flow_across()}{_flow_down()}</div>'


def _flow_across() -> str:
    wide, gap, parts, x = 132, 92, [], 0.0
    for place, name in enumerate(BETWEEN):
        middle = x + gap / 2
        parts += [_glyph(place, middle, 34), words(middle, 70, name, style="datum")]
        parts.append(arrow(x + 10, 92, x + gap - 8, 92))
        x += gap
        if place < len(PACKAGES):
            package, style = PACKAGES[place]
            parts += [box(x, 60, wide, 64, style=f"room {style}"), words(x + wide / 2, 92, package, style="room-name")]
            x += wide
    return svg(x, 132, parts, label=_FLOW_LABEL, style="across")


def _flow_down() -> str:
    wide, parts, y = 190, [], 0.0
    for place, name in enumerate(BETWEEN):
        parts += [
            arrow(wide / 2, y + 4, wide / 2, y + 54),
            words(wide / 2 + 18, y + 28, name, style="datum", anchor="start"),
        ]
        parts.append(_glyph(place, wide / 2 - 48, y + 28))
        y += 60
        if place < len(PACKAGES):
            package, style = PACKAGES[place]
            parts += [
                box(10, y, wide - 20, 46, style=f"room {style}"),
                words(wide / 2, y + 23, package, style="room-name"),
            ]
            y += 46
    return svg(wide, y, parts, label=_FLOW_LABEL, style="down")


def _glyph(place: int, x: float, y: float) -> str:
    """A small picture of what flows: words, ids, scores, layers, words."""
    name = BETWEEN[place]
    if name == "ids":
        tints = ("strong", "soft", "middle", "soft")
        return "".join(box(x - 29 + 15 * i, y - 6, 12, 12, style=f"token {t}", radius=3) for i, t in enumerate(tints))
    if name == "logits":
        heights = (7, 13, 5, 24, 10, 16, 4)
        return "".join(box(x - 24 + 7 * i, y + 12 - h, 5, h, style="score", radius=1.5) for i, h in enumerate(heights))
    if name == "model":
        return "".join(box(x - 20 + 2 * i, y + 6 - 9 * i, 40 - 4 * i, 6, style="layer", radius=3) for i in range(3))
    return words(x, y, "“To be …”", style="quote")


def block() -> str:
    """One transformer block: the residual stream runs straight through, two branches write to it."""
    bottom, stream, branch = 350, 130, 240
    parts = [words(stream, bottom, "vectors in", style="datum"), words(stream, 8, "vectors out", style="datum")]
    parts += [arrow(stream, bottom - 12, stream, 20), words(stream - 16, 262, "residual stream", style="aside upright")]
    for y, names, style in ((318, ("RMSNorm", "attention"), "layers"), (178, ("RMSNorm", "feed-forward"), "generate")):
        parts.append(arrow(branch, y, branch, y - 16, style="arrow"))
        parts.append(f'<path class="arrow" d="M{stream} {y}H{branch}"/>')
        for place, name in enumerate(names):
            top = y - 46 - 44 * place
            parts += [
                box(branch - 64, top, 128, 30, style=f"room {style}"),
                words(branch, top + 15, name, style="small"),
            ]
        parts += [arrow(branch, y - 46, branch, y - 60), f'<path class="arrow" d="M{branch} {y - 90}V{y - 108}"/>']
        parts += [arrow(branch, y - 108, stream + 16, y - 108), circle(stream, y - 108, 13, style="plus")]
        parts.append(words(stream, y - 108, "+", style="plus-sign"))
    return svg(320, bottom + 12, parts, label="A block: norm, attention, add; norm, feed-forward, add", style="tall")
