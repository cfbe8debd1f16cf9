"""Attention maps as a web page: choose a head, point at a token."""

import base64
import html
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from llm_layers.inspection.page import page

STYLE = """
main { display: flex; flex-wrap: wrap; gap: 1.6rem; align-items: flex-start }
main > div:first-child { flex: none; max-width: 100%; overflow: auto }
main > div:last-child { flex: 1 1 22rem; min-width: 0; position: sticky; top: 1rem }
#heads { display: grid; gap: 4px; align-items: center }
#heads span { color: var(--pale); font-size: 12px; text-align: center }
#heads button { padding: 2px; line-height: 0; cursor: pointer }
#heads button[aria-pressed=true] { border-color: rgb(var(--share)); box-shadow: 0 0 0 1px rgb(var(--share)) }
#heads canvas { width: 44px; height: 44px; image-rendering: pixelated }
#large { overflow: auto; max-width: 100% }
#note { min-height: 3em; margin-top: .6rem; white-space: pre-wrap }
table { border-collapse: collapse; font-size: 12px }
td { padding: 0; width: 18px; height: 18px; min-width: 18px; border: 1px solid var(--paper) }
th { font-weight: 400; white-space: pre; padding: 0 6px; text-align: right }
thead th { vertical-align: bottom; padding: 6px 0; text-align: left }
thead th div { writing-mode: vertical-rl; transform: rotate(180deg) }
.on { color: rgb(var(--share)); font-weight: 700 }
"""

SCRIPT = """
const n = data.labels.length, layers = data.maps.length, heads = data.heads;
const bytes = data.maps.map(text => Uint8Array.from(atob(text), c => c.charCodeAt(0)));
const share = (layer, head, q, k) => {
  const place = 2 * ((head * n + q) * n + k);
  return (bytes[layer][place] + 256 * bytes[layer][place + 1]) / 65535;
};
const make = (tag, text, parent) => {
  const made = document.createElement(tag);
  made.textContent = text;
  parent.append(made);
  return made;
};
let layer = 0, head = 0;
const grid = document.getElementById('heads'), large = document.getElementById('large');
const note = document.getElementById('note'), title = document.getElementById('title');
grid.style.gridTemplateColumns = `auto repeat(${heads}, auto)`;
const buttons = [];
make('span', '', grid);
for (let h = 0; h < heads; h++) make('span', h, grid);
for (let l = 0; l < layers; l++) {
  make('span', l, grid);
  for (let h = 0; h < heads; h++) {
    const button = make('button', '', grid), canvas = make('canvas', '', button);
    canvas.width = canvas.height = n;
    button.title = `layer ${l}, head ${h}`;
    button.setAttribute('aria-label', button.title);
    button.onclick = () => choose(l, h);
    buttons.push(button);
  }
}
const paint = () => buttons.forEach((button, number) => {
  const pen = button.firstChild.getContext('2d');
  const colour = getComputedStyle(document.documentElement).getPropertyValue('--share');
  pen.clearRect(0, 0, n, n);
  for (let q = 0; q < n; q++) for (let k = 0; k < n; k++) {
    pen.fillStyle = `rgba(${colour}, ${share(Math.floor(number / heads), number % heads, q, k)})`;
    pen.fillRect(k, q, 1, 1);
  }
});
const table = make('table', '', large), top_row = make('tr', '', make('thead', '', table));
const rows = make('tbody', '', table);
make('th', '', top_row);
const columns = data.labels.map(label => make('div', label, make('th', '', top_row)));
const cells = [], names = [];
data.labels.forEach((label, q) => {
  const row = make('tr', '', rows);
  names.push(make('th', label, row));
  cells.push(data.labels.map((_, k) => {
    const cell = make('td', '', row);
    cell.onmouseenter = () => point(q, k);
    return cell;
  }));
  names[q].onmouseenter = () => point(q, -1);
});
const point = (q, k) => {
  names.forEach((name, at) => name.classList.toggle('on', at === q));
  columns.forEach((name, at) => name.classList.toggle('on', at === k));
  const most = data.labels.map((label, at) => [share(layer, head, q, at), label, at]).sort((a, b) => b[0] - a[0]);
  const list = most.slice(0, 5).map(([s, label, at]) => `${label} (${at}) ${s.toFixed(4)}`).join('   ');
  const given = k < 0 ? 0 : share(layer, head, q, k).toFixed(4);
  const here = k < 0 ? '' : `${data.labels[q]} (${q}) gives ${data.labels[k]} (${k}) ${given}\\n`;
  note.textContent = here + `${data.labels[q]} (${q}) looks most at   ${list}`;
};
const choose = (l, h) => {
  layer = l; head = h;
  title.textContent = `layer ${l}, head ${h}`;
  buttons.forEach((button, number) => button.setAttribute('aria-pressed', number === l * heads + h));
  cells.forEach((row, q) => row.forEach((cell, k) => {
    const s = share(l, h, q, k);
    cell.style.background = `rgba(var(--share), ${s.toFixed(4)})`;
    cell.title = s.toFixed(4);
  }));
  point(n - 1, -1);
};
document.onkeydown = event => {
  const steps = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
  const [down, right] = steps[event.key] || [0, 0];
  if (!down && !right) return;
  event.preventDefault();
  choose((layer + down + layers) % layers, (head + right + heads) % heads);
};
matchMedia('(prefers-color-scheme: dark)').onchange = paint;
paint();
choose(data.layer, data.head);
"""


def attention_page(
    maps: Sequence[Tensor], labels: Sequence[str], *, title: str = "Attention", layer: int = 0, head: int = 0
) -> str:
    """Give a self-contained page: all heads small, the chosen one large, its numbers where one points.

    Args:
        maps: from `attention_maps`.
        labels: one a position.
        title: what stands above.
        layer: the block that is shown first.
        head: the head that is shown first.
    """
    packed = []
    for shares in maps:  # sixteen bits a share: exact to 0.00001, and a fifth of the size of written numbers
        numbers = (shares.clamp(0, 1).double() * 65535).round().to(torch.int32).numpy().astype(np.dtype("<u2"))
        packed.append(base64.b64encode(numbers.tobytes()).decode("ascii"))
    data = {"labels": list(labels), "maps": packed, "heads": len(maps[0]), "layer": layer, "head": head}
    body = (
        f"<h1>{html.escape(title)}</h1>\n"
        "<p>Rows are the positions that look, columns those that are looked at; the stronger the colour, the larger "
        "the share. Choose a head by a click or with the arrow keys, point at a square or a token to see numbers.</p>\n"
        '<main><div><p class="mono">layers ↓, heads →</p><div id="heads"></div></div>\n'
        '<div><h1 id="title"></h1><div id="large"></div><div id="note" class="mono"></div></div></main>'
    )
    return page(title, body, style=STYLE, script=SCRIPT, data=data)
