"""Write a checkpoint, whole or not at all."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from llm_tokenizer.files.writing import sync_folder
from llm_train.checkpoints.folders import PARTIAL, folder_name, remove_folder, remove_leftovers
from llm_train.checkpoints.manifest import MANIFEST, manifest_text
from llm_train.checkpoints.record import Checkpoint, Layout
from llm_train.checkpoints.room import check_room, not_saved
from llm_train.checkpoints.tensor_file import HashingFile, tensor_bytes, write_tensors
from llm_train.interface import NonFiniteError

MODEL, STATE, FACTS = "model.safetensors", "optimizer.safetensors", "state.json"
SMALL_FILES = 1 << 20
"""Room for headers, manifest and state."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint, layout: Layout) -> Path:
    """Write a checkpoint into a folder of its own under `folder`, and return that.

    Raises:
        NonFiniteError: a number is infinite or not a number. Nothing is written: who resumes from it would go on
            with a model that is lost.
        CheckpointError: the disk is full or not writable; earlier checkpoints are unchanged.
    """
    stored = layout.to_stored(checkpoint.weights)
    tensors = (*stored.values(), *checkpoint.state.values())
    needed = sum(map(tensor_bytes, tensors)) + sum(map(len, layout.files.values())) + SMALL_FILES
    check_room(folder, checkpoint.step, needed)
    check_finite(checkpoint)
    final = folder / folder_name(checkpoint.step)
    partial = folder / f"{PARTIAL}{final.name}"
    try:
        remove_leftovers(folder)
        partial.mkdir(parents=True)
        files = _write_files(partial, checkpoint, stored, layout)
        write_file(partial / MANIFEST, manifest_text(checkpoint.step, layout.names, files))
        sync_folder(partial)
        remove_folder(final)  # of the same step: a damaged one that was not resumed from
        partial.rename(final)
        sync_folder(folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise not_saved(folder, checkpoint.step, error) from None
    return final


def check_finite(checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint that holds an infinity or NaN.

    Raises:
        NonFiniteError: naming the first tensor that does.
    """
    for kind, tensors in (("the weight", checkpoint.weights), ("the optimizer's", checkpoint.state)):
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise NonFiniteError(f"step {checkpoint.step}: {kind} {name} is no longer finite, it was not saved")


def _write_files(
    folder: Path, checkpoint: Checkpoint, stored: Mapping[str, Tensor], layout: Layout
) -> dict[str, dict[str, Any]]:
    """Write all files but the manifest, and return what it says of them."""
    files = {name: write_file(folder / name, content) for name, content in layout.files.items()}
    files |= write_facts(folder, checkpoint)
    return files | write_tensor_file(folder / MODEL, stored) | write_tensor_file(folder / STATE, checkpoint.state)


def write_facts(folder: Path, checkpoint: Checkpoint) -> dict[str, dict[str, Any]]:
    """Write what is not a tensor, and return what the manifest says of the file."""
    facts = json.dumps({"step": checkpoint.step, **checkpoint.facts}, indent=2, allow_nan=False) + "\n"
    return {FACTS: write_file(folder / FACTS, facts.encode())}


def write_tensor_file(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    """Write tensors, and return what the manifest says of the file."""
    with path.open("wb") as file:
        hashing = HashingFile(file)
        write_tensors(hashing, tensors)
        _sync(file)
    return {path.name: hashing.entry}


def write_file(path: Path, content: bytes) -> dict[str, Any]:
    """Write a small file, and return what the manifest says of it."""
    with path.open("wb") as file:
        hashing = HashingFile(file)
        hashing.write(content)
        _sync(file)
    return hashing.entry


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
