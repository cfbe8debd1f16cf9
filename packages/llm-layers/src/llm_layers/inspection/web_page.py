"""Attention maps and the logit lens as web pages: each one file, without network, for light and dark mode."""

import base64
import html
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from llm_layers.inspection.lens import Lens

FOLDER = Path(__file__).parent / "pages"
MAKE = """const make = (tag, text, parent) => {
  const made = document.createElement(tag);
  made.textContent = text;
  parent.append(made);
  return made;
};"""


def attention_page(
    maps: Sequence[Tensor], labels: Sequence[str], *, title: str = "Attention", layer: int = 0, head: int = 0
) -> str:
    """Return a page with all heads small and the chosen one large.

    Args:
        maps: from `attention_maps`.
        labels: one for each position.
        title: the heading.
        layer: the block that is shown first.
        head: the head that is shown first.
    """
    packed = []
    for weights in maps:  # sixteen bits each: exact to 0.00001, and a fifth of the size of decimal digits
        integers = (weights.clamp(0, 1).double() * 65535).round().to(torch.int32).numpy().astype(np.dtype("<u2"))
        packed.append(base64.b64encode(integers.tobytes()).decode("ascii"))
    data = {"labels": list(labels), "maps": packed, "heads": len(maps[0]), "layer": layer, "head": head}
    return _page("attention", title, data)


def lens_page(lens: Lens, labels: Sequence[str], name: Callable[[int], str], *, title: str = "Logit lens") -> str:
    """Return a page with a table of layers and positions, the last layer on top.

    Args:
        lens: from `logit_lens`.
        labels: one for each position.
        name: the label of an id.
        title: the heading.
    """

    def cell(layer: int, at: int) -> dict[str, object]:
        pairs = zip(lens.tokens[layer, at].tolist(), lens.probabilities[layer, at].tolist(), strict=True)
        rank = int(lens.ranks[layer, at])
        true = round(float(lens.true_probabilities[layer, at]), 6) if rank else None
        return {"top": [[name(id), round(p, 6)] for id, p in pairs], "rank": rank, "true": true}

    layers, length, _ = lens.tokens.shape
    rows = ["embedding", *(f"block {layer}" for layer in range(layers - 1))]
    cells = [[cell(layer, at) for at in range(length)] for layer in range(layers)]
    return _page("lens", title, {"labels": list(labels), "rows": rows, "cells": cells})


def _page(name: str, title: str, data: Mapping[str, object]) -> str:
    style, body = ((FOLDER / file).read_text(encoding="utf-8") for file in ("style.css", f"{name}.html"))
    # "</" would end the script wherever it occurs, "<!--" could swallow its end: no "<" is left as it is.
    held = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>\n'
        f"<style>{style}</style></head>\n<body>\n<h1>{html.escape(title)}</h1>\n"
        + body.replace("<script>", f"<script>\nconst data = {held};\n{MAKE}", 1)
        + "</body></html>\n"
    )
