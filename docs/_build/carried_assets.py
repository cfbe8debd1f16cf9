"""KaTeX's stylesheet and the site's fonts, taken from the installed wheel that carries them.

No file of another project lies in this repository. The wheel of Streamlit happens to carry exactly what
the site needs (KaTeX's stylesheet and fonts, Source Sans and Source Code Pro, all woff2), so it is
installed without its dependencies, never imported, and only read.
"""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path

CARRIER = "streamlit"
FAMILIES = {"Source Sans": "Source Sans", "Source Code Pro": "Source Code Pro"}

_RULE = re.compile(r"[^{}]+\{[^{}]*\}")
_ADDRESS = re.compile(r"url\((?!data:)([^)]+)\)")


@dataclass(frozen=True)
class CarriedAssets:
    """One stylesheet and the font files that it names, ready to be placed side by side."""

    stylesheet: str
    fonts: dict[str, bytes]


def read_carried_assets() -> CarriedAssets:
    """Find the stylesheet in the installed wheel, keep the rules the site needs, and load their fonts.

    Raises:
        RuntimeError: The wheel is missing, or no longer carries KaTeX's stylesheet.
    """
    path = _find_stylesheet()
    rules, fonts = [], {}
    for rule in keep_rules(path.read_text(encoding="utf-8")):
        for address in _ADDRESS.findall(rule):
            name = Path(address).name
            fonts[name] = (path.parent / address).read_bytes()
            rule = rule.replace(address, f"fonts/{name}")
        rules.append(rule)
    return CarriedAssets(stylesheet="\n".join(rules) + "\n", fonts=fonts)


def keep_rules(stylesheet: str) -> list[str]:
    """The rules of KaTeX and of the site's text fonts; text stays readable while a font loads."""
    kept = []
    for rule in _RULE.findall(stylesheet):
        if rule.startswith("@font-face"):
            family = re.search(r"font-family:\s*([^;}]+)", rule)
            name = family.group(1).strip("\"' ") if family else ""
            if name in FAMILIES:
                kept.append(rule.replace("@font-face{", "@font-face{font-display:swap;"))
            elif name.startswith("KaTeX"):
                kept.append(rule)
        elif ".katex" in rule.split("{")[0]:
            kept.append(rule)
    return kept


def _find_stylesheet() -> Path:
    try:
        files = importlib.metadata.files(CARRIER) or []
    except importlib.metadata.PackageNotFoundError:
        raise RuntimeError(
            f"The site takes its fonts from the wheel of {CARRIER!r}, which is not installed: "
            f"run `pip install --no-deps {CARRIER}`."
        ) from None
    for file in files:
        if file.suffix == ".css":
            path = Path(str(file.locate()))
            if ".katex-version" in path.read_text(encoding="utf-8"):
                return path
    raise RuntimeError(f"The installed {CARRIER!r} has no stylesheet of KaTeX: use the version in constraints.txt.")
