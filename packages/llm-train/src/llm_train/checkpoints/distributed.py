"""Checkpoints in parts: every process writes and reads what it holds of the split tensors, so none ever holds all.

The parts are written by torch.distributed.checkpoint (DCP) as safetensors files, which say where in the whole tensor
they belong: any other number of processes reads them, one alone too. Around it are our own manifest, hashes, fsync and
rename, as around every checkpoint. DCP's usual files are not used: their index is a pickle, which runs code when read.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.tensor import DTensor

from llm_tokenizer.files.writing import sync_folder
from llm_train.backends.splitting import is_split
from llm_train.checkpoints.folders import PARTIAL, folder_name, remove_folder, remove_leftovers
from llm_train.checkpoints.manifest import MANIFEST, manifest_text
from llm_train.checkpoints.record import PARTS, Checkpoint
from llm_train.checkpoints.room import check_room, not_saved
from llm_train.checkpoints.saving import SMALL_FILES, STATE, write_facts, write_file, write_tensor_file
from llm_train.checkpoints.tensor_file import hash_file, tensor_bytes
from llm_train.interface import CheckpointError, NonFiniteError
from llm_train.place import Place

WEIGHT, OTHER = "weight.", "state."
"""What the names in the files begin with."""


def save_parts(folder: Path, checkpoint: Checkpoint, place: Place) -> Path:
    """Write a checkpoint whose split tensors every process writes its parts of; all must call this.

    Raises:
        NonFiniteError: a number is infinite or not a number; nothing is written.
        CheckpointError: a disk is full or not writable; earlier checkpoints are unchanged.
    """
    tensors = named(checkpoint.weights, checkpoint.state)
    split = {name: tensor for name, tensor in tensors.items() if is_split(tensor)}
    whole = {name: tensor for name, tensor in tensors.items() if name not in split}
    final = folder / folder_name(checkpoint.step)
    partial = folder / f"{PARTIAL}{final.name}"
    _check_finite(checkpoint.step, tensors, place)

    def begin() -> None:
        check_room(folder, checkpoint.step, sum(map(tensor_bytes, tensors.values())) + SMALL_FILES)
        remove_leftovers(folder)
        partial.mkdir(parents=True)

    def end() -> None:
        texts = {**write_facts(partial, checkpoint), **write_tensor_file(partial / STATE, whole)}
        write_file(partial / MANIFEST, manifest_text(checkpoint.step, PARTS, {**texts, **hashes}))
        sync_folder(partial)
        remove_folder(final)
        partial.rename(final)
        sync_folder(folder)
        sync_folder(folder.parent)

    hashes: dict[str, Any] = {}
    try:
        place.once(_named_error(begin, folder, checkpoint.step))
        save(split, storage_writer=HuggingFaceStorageWriter(str(partial), save_distributed=True))
        for source in range(place.world):
            hashes |= place.share(_synced(partial, place) if place.rank == source else None, source)
        place.once(_named_error(end, folder, checkpoint.step))
    except CheckpointException as error:
        if place.first:
            shutil.rmtree(partial, ignore_errors=True)
        reasons = "; ".join(f"process {rank}: {reason[0]}" for rank, reason in error.failures.items())
        raise CheckpointError(f"the checkpoint of step {checkpoint.step} was not saved: {reasons}") from None
    return final


def read_parts(checkpoint: Checkpoint, weights: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Checkpoint:
    """Return a checkpoint with tensors split like those given, each process its parts; all must call this.

    What was not split is in the checkpoint already.
    """
    like = named(weights, state).items()
    found = {name: torch.empty_like(tensor) for name, tensor in like if name not in checkpoint.state}
    load(found, storage_reader=HuggingFaceStorageReader(str(checkpoint.parts)))
    every = {**found, **checkpoint.state}
    weights, state = (
        {name.removeprefix(start): tensor for name, tensor in every.items() if name.startswith(start)}
        for start in (WEIGHT, OTHER)
    )
    return Checkpoint(checkpoint.step, weights, state, checkpoint.facts)


def named(weights: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return all tensors by the names that they have in the files."""
    tables = ((WEIGHT, weights), (OTHER, state))
    return {f"{start}{name}": tensor.detach() for start, table in tables for name, tensor in table.items()}


def _check_finite(step: int, tensors: Mapping[str, Tensor], place: Place) -> None:
    own = [name for name, tensor in tensors.items() if not _finite(tensor)]
    for source in range(place.world):
        if wrong := place.share(own, source):
            raise NonFiniteError(f"step {step}: {wrong[0]} is no longer finite, it was not saved")


def _finite(tensor: Tensor) -> bool:
    local = tensor.to_local() if isinstance(tensor, DTensor) else tensor
    return not local.is_floating_point() or bool(torch.isfinite(local).all())


def _synced(folder: Path, place: Place) -> dict[str, Any]:
    """Wait until this process's share of the files is on the disk, and return their sizes and hashes."""
    files = sorted(folder.glob("*.safetensors"))[place.rank :: place.world]
    for path in files:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    return {path.name: hash_file(path) for path in files}


def _named_error(action: Callable[[], None], folder: Path, step: int) -> Callable[[], None]:
    def run() -> None:
        try:
            action()
        except OSError as error:
            raise not_saved(folder, step, error) from None

    return run
