"""The manifest: what a checkpoint must consist of, byte for byte, its own text included."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_train.checkpoints.tensor_file import hash_file
from llm_train.interface import CheckpointError

MANIFEST = "manifest.json"
FORMAT = "llm-train checkpoint 3"


class OtherVersionError(CheckpointError):
    """The checkpoint is whole, but of another version."""


def manifest_text(step: int, names: str, files: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the manifest of a checkpoint.

    Args:
        step: of the checkpoint; a folder that was renamed by hand is noticed.
        names: how the weights are named.
        files: of each file its bytes and SHA-256.
    """
    return with_hash({"format": FORMAT, "step": step, "names": names, "files": dict(files)})


def verified_manifest(folder: Path, step: int) -> dict[str, Any]:
    """Read the manifest of a checkpoint and compare every file with it.

    Raises:
        OtherVersionError: it was written in another format.
        Exception: any; the checkpoint is damaged. There are too many kinds of damage to list their errors.
    """
    text = (folder / MANIFEST).read_bytes()
    content = json.loads(text)
    own = content.pop("sha256", None)
    if "schema" in content and own is None:  # as until version 0.2
        raise _other_version(folder, f"format {content['schema']}")
    if text != with_hash(content) or own is None:  # it is written in one way only, so that even a space counts
        raise ValueError(f"{MANIFEST} does not match its own hash")
    if content["format"] != FORMAT:
        raise _other_version(folder, content["format"])
    if content["step"] != step:
        raise ValueError(f"{MANIFEST} belongs to step {content['step']}")
    for name, entry in content["files"].items():
        if hash_file(folder / name) != entry:
            raise ValueError(f"{name} does not match {MANIFEST}")
    return dict(content)


def with_hash(content: dict[str, Any]) -> bytes:
    """Return the text of a manifest, with the hash of the text that it has without it."""
    digest = hashlib.sha256(_json(content)).hexdigest()
    return _json({**content, "sha256": digest})


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def _other_version(folder: Path, found: str) -> OtherVersionError:
    return OtherVersionError(
        f"{folder} was written by another version of llm-train ({found}; this one reads {FORMAT!r}): resume the run "
        "with that version, or choose another folder for a new one (in a command: --run NAME)"
    )
