"""The Python blocks of a page, run in order in one namespace, and what they print.

A ```` ```text ```` block directly below a ```` ```python ```` block is what that block prints. To renew all
shown output after a change: `python docs/_build/examples.py --write`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"^(?P<pad>[ ]*)```python[^\n]*\n(?P<code>.*?)^(?P=pad)```[ ]*\n"
    r"(?:(?P<gap>\s*\n)?(?P=pad)```text[^\n]*\n(?P<shown>.*?)^(?P=pad)```[ ]*$)?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Example:
    """One Python block: its code, its line on the page, and the output that the page shows below it, if any."""

    code: str
    line: int
    shown: str | None


def pages() -> list[Path]:
    """Every page whose blocks must run: the site's, and the README of each package."""
    site = [page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts]
    return [page for page in [*site, ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))] if page.is_file()]


def read_examples(markdown: str) -> list[Example]:
    """The Python blocks of a page, in order."""
    found = []
    for match in _BLOCK.finditer(markdown):
        shown = match.group("shown")
        line = markdown.count("\n", 0, match.start("code")) + 1
        found.append(Example(dedent(match.group("code")), line, None if shown is None else dedent(shown)))
    return found


def run_examples(page: Path, examples: list[Example]) -> Iterator[tuple[Example, str]]:
    """Run the blocks one after another and give what each printed. The caller chooses the folder."""
    namespace: dict[str, object] = {"__name__": "__example__"}
    for example in examples:
        printed = io.StringIO()
        # Blank lines in front, so that a traceback names the line of the page.
        code = compile("\n" * (example.line - 1) + example.code, str(page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        yield example, printed.getvalue()


def renew(page: Path) -> bool:
    """Write what the blocks print now into the page; whether anything changed."""
    text = page.read_text(encoding="utf-8")
    printed = [output for _, output in run_examples(page, read_examples(text))]
    outputs = iter(printed)

    def replace(match: re.Match[str]) -> str:
        output = next(outputs)
        if match.group("shown") is None:
            return match.group(0)
        start, end = match.start("shown") - match.start(), match.end("shown") - match.start()
        return match.group(0)[:start] + indent(output, match.group("pad")) + match.group(0)[end:]

    renewed = _BLOCK.sub(replace, text)
    page.write_text(renewed, encoding="utf-8")
    return renewed != text


def main() -> int:
    """`--write` renews the shown output of all pages, or of the pages that are named."""
    arguments = sys.argv[1:]
    if "--write" not in arguments:
        print(__doc__)
        return 2
    named = [Path(argument).resolve() for argument in arguments if argument != "--write"]
    failed = 0
    for page in named or pages():
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                if renew(page):
                    print(f"renewed {page.relative_to(ROOT)}")
            except Exception:
                failed += 1
                print(f"FAILED {page.relative_to(ROOT)}\n{traceback.format_exc(limit=-3)}")
            os.chdir(ROOT)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
