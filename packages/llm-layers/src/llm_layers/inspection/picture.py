"""The few SVG shapes that our pictures are made of. A picture carries its colours for light and dark paper with it."""

import html
from collections.abc import Iterable

Number = float | int

STYLE = """
  .paper { fill: #ffffff }  .ink { fill: #1f2430 }  .soft { fill: #5b6172 }  .share { fill: #2f4bd0 }
  .rule { stroke: #c9ccd8; fill: none }  .line { stroke: #2f4bd0; fill: none; stroke-width: 1.6 }
  .other { stroke: #b4461a; fill: none; stroke-width: 1.6 }  .other-fill { fill: #b4461a }
  .third { stroke: #0f7a4f; fill: none; stroke-width: 1.6 }  .third-fill { fill: #0f7a4f }  .bad { fill: #c83030 }
  text { font-family: ui-monospace, "DejaVu Sans Mono", monospace }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #14161d }  .ink { fill: #e4e6ee }  .soft { fill: #a3a9ba }  .share { fill: #9db1ff }
    .rule { stroke: #3a3f4f }  .line { stroke: #9db1ff }  .other { stroke: #ffa36f }  .other-fill { fill: #ffa36f }
    .third { stroke: #5fd6a0 }  .third-fill { fill: #5fd6a0 }  .bad { fill: #f06060 }
  }
"""


def picture(width: Number, height: Number, parts: Iterable[str], *, label: str) -> str:
    """Give a whole SVG file; `label` is what a screen reader says."""
    name = html.escape(label, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{name}">\n<style>{STYLE}</style>\n'
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def box(
    x: Number, y: Number, width: Number, height: Number, *, style: str, opacity: Number = 1.0, title: str = ""
) -> str:
    """A rectangle; pointing at it shows its title."""
    ends = f"><title>{html.escape(title)}</title></rect>" if title else "/>"
    seen = "" if opacity == 1.0 else f' fill-opacity="{opacity:.3g}"'
    return f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"{seen}{ends}'


def words(
    x: Number, y: Number, text: str, *, size: Number = 11, style: str = "ink", anchor: str = "start", turn: Number = 0
) -> str:
    """A line of text; `turn` in degrees."""
    turned = f' transform="rotate({turn:g} {x:g} {y:g})"' if turn else ""
    return (
        f'<text class="{style}" x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" dy=".35em"{turned}>'
        f"{html.escape(text)}</text>"
    )


def path(points: Iterable[tuple[Number, Number]], *, style: str) -> str:
    """A line through points."""
    return f'<path class="{style}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>'
