"""Checkpoints that survive a crash at any moment, and hold no pickle.

    checkpoints/
      step-00001000/
        model.safetensors       weights
        optimizer.safetensors   running averages
        state.json              step, seconds so far, versions
        manifest.json           size and SHA-256 of the three: written last, so a folder without it is no checkpoint

Everything is written into a temporary folder, synced to the disk, and renamed; only then are old checkpoints deleted.
A rename is atomic, so a reader finds either the old state or the new one.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from llm_tokenizer.files.writing import atomic_write, failed_write, sync_folder
from llm_train.interface import CheckpointError

MODEL, OPTIMIZER, STATE, MANIFEST = "model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"
SCHEMA = 2


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after a step; equal states lead to equal models."""

    step: int
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    state: Mapping[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint, *, keep: int) -> Path:
    """Write a checkpoint and delete all but the newest `keep`.

    Raises:
        CheckpointError: the disk is full or not writable; earlier checkpoints are unchanged.
    """
    name = f"step-{checkpoint.step:08d}"
    partial = folder / f".partial-{name}"
    for left in (*folder.glob(".partial-step-*"), *folder.glob(".deleted-step-*")):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _write_contents(partial, checkpoint)
        _remove(folder / name)  # of the same step, from before a resume
        partial.rename(folder / name)
        sync_folder(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise CheckpointError(
            f"the checkpoint of step {checkpoint.step} was not saved: {failed_write(folder, error)}; "
            "earlier checkpoints are unchanged, and the same command resumes the run"
        ) from None
    for old in steps_saved(folder)[:-keep]:
        _remove(folder / f"step-{old:08d}")
    return folder / name


def load_newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest intact checkpoint (None if none was ever written), and why newer ones were skipped.

    Raises:
        CheckpointError: there are checkpoints, but none is intact. To start again silently would discard a run.
    """
    skipped: list[str] = []
    steps = steps_saved(folder)
    for step in reversed(steps):
        try:
            return _read(folder / f"step-{step:08d}", step), skipped
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            skipped.append(f"the checkpoint of step {step} is corrupt, skipped ({error})")
    if steps:
        raise CheckpointError(f"no checkpoint in {folder} is intact: {'; '.join(skipped)}; move the run folder away")
    return None, skipped


def steps_saved(folder: Path) -> list[int]:
    """Return the steps that have a checkpoint, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name[5:]) for path in folder.glob("step-*") if path.name[5:].isdigit())


def _write_contents(folder: Path, checkpoint: Checkpoint) -> None:
    contents = {
        MODEL: tensors_to_bytes({name: value.detach().contiguous() for name, value in checkpoint.model.items()}),
        OPTIMIZER: tensors_to_bytes(
            {name: value.detach().contiguous() for name, value in checkpoint.optimizer.items()}
        ),
        STATE: json.dumps({"step": checkpoint.step, **checkpoint.state}, indent=2).encode(),
    }
    files = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in contents.items()}
    contents[MANIFEST] = json.dumps({"schema": SCHEMA, "files": files}, indent=2).encode()
    for name, data in contents.items():
        with atomic_write(folder / name) as file:
            file.write(data)


def _read(folder: Path, step: int) -> Checkpoint:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    if manifest["schema"] != SCHEMA:
        raise ValueError(f"its format is {manifest['schema']}, this version reads {SCHEMA}")
    contents = {}
    for name in (MODEL, OPTIMIZER, STATE):
        contents[name] = (folder / name).read_bytes()
        if hashlib.sha256(contents[name]).hexdigest() != manifest["files"][name]["sha256"]:
            raise ValueError(f"{name} does not match its manifest")
    state = json.loads(contents[STATE])
    if state.pop("step") != step:
        raise ValueError("it belongs to another step")
    return Checkpoint(step, tensors_from_bytes(contents[MODEL]), tensors_from_bytes(contents[OPTIMIZER]), state)


def _remove(folder: Path) -> None:
    """Rename a folder, then delete it, so that a crash half-way leaves no half checkpoint under its name."""
    if not folder.exists():
        return
    doomed = folder.with_name(f".deleted-{folder.name}")
    folder.rename(doomed)
    shutil.rmtree(doomed)
