"""A built site must open with no network: nothing that a browser loads by itself may have an absolute address.

Links that a reader may click are free to point anywhere.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

# What a browser fetches without being asked: (tag, attribute). <link> depends on its rel.
_LOADED = {
    "script": ("src",), "img": ("src", "srcset"), "iframe": ("src",), "source": ("src", "srcset"),
    "video": ("src", "poster"), "audio": ("src",), "embed": ("src",), "object": ("data",), "track": ("src",),
    "image": ("href", "xlink:href"), "use": ("href", "xlink:href"), "input": ("src",),
}  # fmt: skip
_HARMLESS_LINKS = {"canonical", "prev", "next", "alternate", "author", "license"}
_CSS_ADDRESS = re.compile(r"""(?:@import\s*|url\(\s*)["']?\s*((?:https?:)?//[^"')\s;]+)""", re.IGNORECASE)
_ABSOLUTE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
# The theme's script holds the addresses of what it would fetch for elements of these classes.
_TRIGGERS = {"mermaid": "diagrams drawn by a remote script", "md-source": "repository statistics"}


class _AssetReader(HTMLParser):
    """Collects every absolute address that a page would make a browser load."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        for attribute in _LOADED.get(tag, ()):
            for candidate in values.get(attribute, "").split(","):
                if _ABSOLUTE.match(candidate):
                    self.found.append(f"<{tag} {attribute}={candidate.strip()!r}>")
        if tag == "link" and not set(values.get("rel", "").split()) <= _HARMLESS_LINKS:
            if _ABSOLUTE.match(values.get("href", "")):
                self.found.append(f"<link rel={values.get('rel')!r} href={values['href']!r}>")
        self.found += [f"style attribute: {address}" for address in _CSS_ADDRESS.findall(values.get("style", ""))]
        for name in set(values.get("class", "").split()) & set(_TRIGGERS):
            self.found.append(f'<{tag} class="{name}"> makes the theme fetch {_TRIGGERS[name]}')

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += [f"style element: {address}" for address in _CSS_ADDRESS.findall(data)]


def find_remote_assets(site: Path) -> list[str]:
    """One line per absolute asset address in the built site."""
    problems = []
    for path in sorted(site.rglob("*")):
        if path.suffix in {".html", ".svg"}:
            reader = _AssetReader()
            reader.feed(path.read_text(encoding="utf-8"))
            problems += [f"{path.relative_to(site)}: {found}" for found in reader.found]
        elif path.suffix == ".css":
            addresses = _CSS_ADDRESS.findall(path.read_text(encoding="utf-8"))
            problems += [f"{path.relative_to(site)}: {address}" for address in addresses]
    return problems


def main() -> int:
    """`python offline_check.py SITE`: list what is remote, and fail if anything is."""
    problems = find_remote_assets(Path(sys.argv[1]))
    print("\n".join(problems) if problems else "The site loads nothing from elsewhere.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
