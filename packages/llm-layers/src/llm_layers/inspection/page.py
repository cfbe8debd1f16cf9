"""A web page in one file: no network, readable on light and dark paper."""

import html
import json
from collections.abc import Mapping

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --soft: #f4f5f9; --ink: #1f2430; --pale: #5b6172; --rule: #d9dbe4;
  --share: 47, 75, 208; --good: 22, 128, 84; --other: #b4461a }
@media (prefers-color-scheme: dark) { :root { --paper: #14161d; --soft: #1c1f29; --ink: #e4e6ee; --pale: #a3a9ba;
  --rule: #333847; --share: 157, 177, 255; --good: 64, 190, 132; --other: #ffa36f } }
body { margin: 0 auto; padding: 1.2rem 1.5rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.25rem; margin: 0 0 .2rem }  p { margin: .2rem 0 .9rem; color: var(--pale); max-width: 46rem }
code, td, th, .mono { font-family: ui-monospace, "DejaVu Sans Mono", monospace }
button { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--rule); border-radius: 5px }
button:focus-visible, [tabindex]:focus-visible { outline: 2px solid rgb(var(--share)); outline-offset: 1px }
"""


def page(title: str, body: str, *, style: str = "", script: str = "", data: Mapping[str, object] | None = None) -> str:
    """Put a page together; `data` is what the script finds under the name `data`."""
    # "</" would end the script wherever it stands, "<!--" could swallow its end: no "<" is left as it is.
    held = json.dumps(data or {}, ensure_ascii=False).replace("<", "\\u003c")
    end = f"<script>\nconst data = {held};\n{script}</script>\n" if script else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>\n'
        f"<style>{STYLE}{style}</style></head>\n<body>\n{body}\n{end}</body></html>\n"
    )
