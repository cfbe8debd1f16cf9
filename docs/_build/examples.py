"""Run the Python blocks of a page in order in one namespace, and collect what they print.

- A ```` ```text ```` block directly below a ```` ```python ```` block is what that block prints.
- A block with a title, ```` ```python title="my_tokenizer.py" ````, is also added to that file.
- A ```` ```console ```` block with a ```` ```text ```` block directly below is run too, if it starts `python`.
- `<!-- continues: tokens.md -->` on a page: the files of that page (or of several, with blanks between), and of those
  that it continues, are written first, and the page starts by importing them, with the lines that the site shows in
  place of the comment.

`python docs/_build/examples.py --write` renews all shown output after a change; `--check` compares it, for all pages or
those that are named.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import runpy
import shlex
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"^(?P<pad>[ ]*)```(?P<language>python|console)\b(?P<options>[^\n]*)\n(?P<code>.*?)^(?P=pad)```[ ]*\n"
    r"(?:(?P<gap>\s*\n)?(?P=pad)```text[^\n]*\n(?P<shown>.*?)^(?P=pad)```[ ]*$)?",
    re.MULTILINE | re.DOTALL,
)
_TITLE = re.compile(r'title="([^"]+)"')
CONTINUES = re.compile(r"<!-- continues: (\S+(?: \S+)*) -->")
COLUMNS = "100"


@dataclass(frozen=True)
class Example:
    """One block: its code, its line on the page, the output that the page shows below it, and the file it goes to."""

    code: str
    line: int
    shown: str | None
    language: str = "python"
    file: str | None = None


def pages() -> list[Path]:
    """Every page whose blocks must run: the site's, and the README of each package."""
    site = [page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts]
    return [page for page in [*site, ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))] if page.is_file()]


def read_examples(markdown: str) -> list[Example]:
    """The blocks of a page that run, in order."""
    return [_example(markdown, match) for match in _BLOCK.finditer(markdown) if _runs(match)]


def earlier_examples(page: Path, markdown: str) -> list[Example]:
    """The titled blocks of the pages that this one continues, the first page first."""
    match = CONTINUES.search(markdown)
    if match is None:
        return []
    found = []
    for name in match.group(1).split():
        text = (page.parent / name).read_text(encoding="utf-8")
        found += earlier_examples(page.parent / name, text)
        found += [example for example in read_examples(text) if example.file]
    return found


def start_lines(page: Path, markdown: str) -> str:
    """Return the lines with which a new session gets the names of the pages that this one continues."""
    files = dict.fromkeys(example.file for example in earlier_examples(page, markdown) if example.file)
    return "".join(f"from {Path(file).stem} import *\n" for file in files)


def title_of(page: Path) -> str:
    """Return the first heading of a page."""
    return next(line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("# "))[2:]


def run_page(page: Path, markdown: str) -> Iterator[tuple[Example, str]]:
    """Run a page's blocks in a new session, after the lines that import the files of the pages that it continues."""
    for _ in run_examples(page, earlier_examples(page, markdown), {"__name__": "__example__"}):
        pass
    namespace: dict[str, object] = {"__name__": "__example__"}
    with _fresh_interpreter([""]):
        exec(start_lines(page, markdown), namespace)
    yield from run_examples(page, read_examples(markdown), namespace)


def run_examples(page: Path, examples: list[Example], namespace: dict[str, object]) -> Iterator[tuple[Example, str]]:
    """Run the blocks one after another and give what each printed. The caller chooses the folder."""
    for example in examples:
        if example.language == "console":
            yield example, _run_commands(example.code)
            continue
        printed = io.StringIO()
        # Blank lines in front, so that a traceback names the line of the page.
        code = compile("\n" * (example.line - 1) + example.code, str(page), "exec")
        with contextlib.redirect_stdout(printed), _fresh_interpreter([""]):  # it may import the reader's files
            exec(code, namespace)
        if example.file:
            with Path(example.file).open("a", encoding="utf-8") as file:
                file.write(example.code + "\n\n")
        yield example, printed.getvalue()


def _runs(match: re.Match[str]) -> bool:
    return match.group("language") == "python" or match.group("shown") is not None


def _example(markdown: str, match: re.Match[str]) -> Example:
    shown, title = match.group("shown"), _TITLE.search(match.group("options"))
    return Example(
        dedent(match.group("code")),
        markdown.count("\n", 0, match.start("code")) + 1,
        None if shown is None else _without_pad(shown, match.group("pad")),
        match.group("language"),
        title.group(1) if title else None,
    )


def _without_pad(shown: str, pad: str) -> str:
    """Take off the indentation of the block, and none that was printed."""
    return "".join(line.removeprefix(pad) for line in shown.splitlines(keepends=True))


def _run_commands(lines: str) -> str:
    """Return what commands print, errors included. They run in this process: importing torch anew takes seconds."""
    printed = io.StringIO()
    for line in lines.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        if program != "python" or arguments[:1] not in (["-m"], ["-c"]):
            raise ValueError(f"a console block with output must run python -m or python -c, was {line!r}")
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), _fresh_interpreter(arguments):
            if arguments[0] == "-m":
                runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
            else:
                exec(arguments[1], {"__name__": "__main__"})
    return "".join(line.rstrip() + "\n" for line in printed.getvalue().splitlines())


@contextlib.contextmanager
def _fresh_interpreter(arguments: list[str]) -> Iterator[None]:
    """Set arguments, path and settings as a new Python in this folder has them, and forget the reader's modules."""
    saved, settings = (sys.argv, sys.path, sys.dont_write_bytecode), dict(os.environ)
    sys.argv, sys.path, sys.dont_write_bytecode = ["python", *arguments[2:]], [os.getcwd(), *sys.path], True
    os.environ.update({"COLUMNS": COLUMNS, "NO_COLOR": "1"})
    importlib.invalidate_caches()
    try:
        with contextlib.suppress(SystemExit):
            yield
    finally:
        sys.argv, sys.path, sys.dont_write_bytecode = saved
        os.environ.clear()
        os.environ.update(settings)
        folder = os.path.realpath(os.getcwd()) + os.sep
        for name, module in list(sys.modules.items()):
            path = os.path.realpath(getattr(module, "__file__", None) or "")
            if path.startswith(folder) and "site-packages" not in path:  # an environment may lie in the folder
                del sys.modules[name]


def renew(page: Path) -> bool:
    """Write what the blocks print now into the page; whether anything changed."""
    text = page.read_text(encoding="utf-8")
    outputs = iter([output for _, output in run_page(page, text)])

    def replace(match: re.Match[str]) -> str:
        if not _runs(match):
            return match.group(0)
        output = next(outputs)
        if match.group("shown") is None:
            return match.group(0)
        start, end = match.start("shown") - match.start(), match.end("shown") - match.start()
        return match.group(0)[:start] + indent(output, match.group("pad")) + match.group(0)[end:]

    renewed = _BLOCK.sub(replace, text)
    page.write_text(renewed, encoding="utf-8")
    return renewed != text


def differences(page: Path) -> list[str]:
    """Return one sentence for every block of a page that prints something else than the page shows."""
    return [
        f"{page.relative_to(ROOT)}, line {example.line}, prints\n{printed}instead of\n{example.shown}"
        for example, printed in run_page(page, page.read_text(encoding="utf-8"))
        if example.shown is not None and printed != example.shown
    ]


def shows_output(page: Path) -> bool:
    """Return whether a page shows what any of its blocks prints."""
    return any(example.shown is not None for example in read_examples(page.read_text(encoding="utf-8")))


def main() -> int:
    """Renew or compare the shown output of all pages, or of the pages that are named."""
    arguments = sys.argv[1:]
    if not {"--write", "--check"} & set(arguments):
        print(__doc__)
        return 2
    named = [Path(argument).resolve() for argument in arguments if not argument.startswith("--")]
    failed = 0
    for page in named or pages():
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            try:
                if "--check" in arguments and not shows_output(page):
                    continue
                if "--check" in arguments:
                    found = differences(page)
                    failed += len(found)
                    print(*found, sep="", end="")
                elif renew(page):
                    print(f"renewed {page.relative_to(ROOT)}")
            except Exception:
                failed += 1
                print(f"FAILED {page.relative_to(ROOT)}\n{traceback.format_exc(limit=-3)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
