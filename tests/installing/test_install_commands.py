"""Each package installs alone, in a fresh environment, by the commands in its README: `nox -s installs`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["llm-tokenizer", "llm-layers", "llm-train", "llm-generate"]
SETTINGS = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PIP_REQUIRE_VIRTUALENV")}
SETTINGS |= {"PIP_NO_COMPILE": "1", "UV_LINK_MODE": "copy"}
SETTINGS |= {"UV_FIND_LINKS": SETTINGS["PIP_FIND_LINKS"]} if "PIP_FIND_LINKS" in SETTINGS else {}


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The Python of a fresh environment."""
    venv.create(tmp_path / "fresh", with_pip=False)
    return tmp_path / "fresh" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(*command: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=folder, env=SETTINGS, capture_output=True, text=True, check=False
    )


def install(python: Path, *arguments: str) -> None:
    done = run(sys.executable, "-m", "pip", "--python", python, "install", "-q", *arguments)
    assert done.returncode == 0, done.stderr


def command_in_readme(package: str, start: str) -> list[str]:
    """The arguments that the README of a package gives to an install command."""
    section = (ROOT / "packages" / package / "README.md").read_text(encoding="utf-8").split("## Install")[1]
    (line,) = re.findall(rf"^\$ {start} (.+)$", section, re.MULTILINE)
    return shlex.split(line, comments=True)


def version_of(package: str, python: Path, folder: Path) -> str:
    module = package.replace("-", "_")
    done = run(python, "-c", f"import {module}, importlib.metadata as m; print(m.version('{package}'))", folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_pip_command_of_the_readme_installs_the_package(package: str, python: Path, tmp_path: Path) -> None:
    install(python, *command_in_readme(package, "pip install"))
    assert version_of(package, python, tmp_path) == "0.2.0"
    help_text = run(python, "-m", package.replace("-", "_"), "--help", folder=tmp_path)
    assert help_text.returncode == 0 and package in help_text.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_the_uv_command_of_the_readme_installs_the_package(package: str, python: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv, "nox -s installs brings uv"
    done = run(uv, "pip", "install", "-q", "--python", python, *command_in_readme(package, "uv pip install"))
    assert done.returncode == 0, done.stderr
    assert version_of(package, python, tmp_path) == "0.2.0"


def test_wheels_in_a_folder_are_enough(python: Path, tmp_path: Path) -> None:
    sources = [str(ROOT / "packages" / package) for package in PACKAGES]
    built = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", tmp_path / "dist", *sources)
    assert built.returncode == 0, built.stderr
    done = run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--dry-run", "-c", "constraints.txt"),
        *("--find-links", tmp_path / "dist", "llm-generate"),
    )
    assert done.returncode == 0, done.stderr
    for package in PACKAGES:
        assert f"{package}-0.2.0" in done.stdout, done.stdout
