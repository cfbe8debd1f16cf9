"""The logit lens as a web page: a table of layers and positions, with the next tokens that each would name."""

import html
from collections.abc import Callable, Sequence

from llm_layers.inspection.lens import Lens
from llm_layers.inspection.page import page

STYLE = """
#wide { overflow: auto }
table { border-collapse: collapse; font-size: 12px; margin-top: .5rem }
th { font-weight: 400; color: var(--pale); padding: 2px 8px; white-space: pre; text-align: right }
thead th, tfoot th { text-align: center; color: var(--ink) }
td { padding: 3px 6px; border: 1px solid var(--paper); text-align: center; max-width: 7.5em; overflow: hidden;
  text-overflow: ellipsis; white-space: pre; cursor: default }
td.right { outline: 2px solid rgb(var(--good)); outline-offset: -2px }
td.chosen { outline: 2px solid var(--other); outline-offset: -2px }
#note { position: sticky; bottom: 0; background: var(--paper); border-top: 1px solid var(--rule); padding: .6rem 0;
  min-height: 5.2em; white-space: pre-wrap }
"""

SCRIPT = """
const percent = share => share < 0.00005 ? '<0.01%' : share > 0.99995 ? '>99.99%' : `${(100 * share).toFixed(2)}%`;
const note = document.getElementById('note');
let chosen = null;
document.querySelectorAll('td').forEach(cell => {
  const show = () => {
    if (chosen) chosen.classList.remove('chosen');
    chosen = cell;
    cell.classList.add('chosen');
    const [layer, position] = cell.dataset.at.split(' ').map(Number), here = data.cells[layer][position];
    const most = here.top.map(([label, share]) => `${label} ${percent(share)}`).join('   ');
    const chance = here.rank ? `${percent(here.chance)}, rank ${here.rank}` : '';
    const next = here.rank ? `\\nnext in the text: ${data.labels[position + 1]}, ${chance}` : '';
    note.textContent = `${data.rows[layer]}, after ${data.labels[position]} (${position})\\n${most}${next}`;
  };
  cell.onmouseenter = show;
  cell.onfocus = show;
});
document.querySelector('tbody td:last-child').onmouseenter();
"""


def lens_page(lens: Lens, labels: Sequence[str], name: Callable[[int], str], *, title: str = "Logit lens") -> str:
    """Give a self-contained page; the last layer stands on top, and what comes true in the text has a frame.

    Args:
        lens: from `logit_lens`.
        labels: one a position.
        name: the label of an id.
        title: what stands above.
    """
    layers, length, _ = lens.tokens.shape
    rows = ["embedding", *(f"block {layer}" for layer in range(layers - 1))]
    cells = [
        [
            {
                "top": [
                    [name(id), round(share, 6)]
                    for id, share in zip(
                        lens.tokens[layer, at].tolist(), lens.probabilities[layer, at].tolist(), strict=True
                    )
                ],
                "rank": int(lens.ranks[layer, at]),
                "chance": None if lens.ranks[layer, at] == 0 else round(float(lens.chances[layer, at]), 6),
            }
            for at in range(length)
        ]
        for layer in range(layers)
    ]
    head = "".join(f"<th>{html.escape(label)}</th>" for label in labels)
    body_rows = []
    for layer in reversed(range(layers)):
        drawn = []
        for at in range(length):
            share = float(lens.probabilities[layer, at, 0])
            right = ' class="right"' if lens.ranks[layer, at] == 1 else ""
            label = html.escape(name(int(lens.tokens[layer, at, 0])))
            colour = f"background:rgba(var(--share),{0.7 * share:.3f})"
            drawn.append(f'<td{right} tabindex="0" data-at="{layer} {at}" style="{colour}">{label}</td>')
        body_rows.append(f"<tr><th>{rows[layer]}</th>{''.join(drawn)}</tr>")
    following = "".join(f"<th>{html.escape(label)}</th>" for label in [*labels[1:], ""])
    body = (
        f"<h1>{html.escape(title)}</h1>\n"
        "<p>Each square is the token that the model would name next if it had to answer after that layer; the "
        "stronger the colour, the surer. A frame marks the ones that come true. Point at a square for more.</p>\n"
        f'<div id="wide"><table><thead><tr><th>read</th>{head}</tr></thead><tbody>{"".join(body_rows)}</tbody>'
        f"<tfoot><tr><th>next</th>{following}</tr></tfoot></table></div>\n"
        '<div id="note" class="mono"></div>'
    )
    return page(title, body, style=STYLE, script=SCRIPT, data={"labels": list(labels), "rows": rows, "cells": cells})
