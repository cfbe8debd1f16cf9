"""Find the newest checkpoint that is whole."""

import json
from pathlib import Path

from safetensors.torch import load_file

from llm_train.checkpoints.folders import folder_name, steps_saved
from llm_train.checkpoints.manifest import OtherVersionError, verified_manifest
from llm_train.checkpoints.record import PARTS, Checkpoint, Layout
from llm_train.checkpoints.saving import FACTS, MODEL, STATE
from llm_train.interface import CheckpointError


def load_newest(folder: Path, layout: Layout) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest whole checkpoint (None if none was ever written), and why newer ones were skipped.

    Nothing outside changes: neither a file nor the state of torch's random numbers.

    Raises:
        OtherVersionError: the newest one was written by another version.
        CheckpointError: there are checkpoints, but none is whole. To start again silently would discard a run.
    """
    skipped: list[str] = []
    steps = steps_saved(folder)
    for step in reversed(steps):
        try:
            return load_step(folder, step, layout), skipped
        except OtherVersionError:
            raise
        except Exception as error:  # whatever a damaged file leads to
            reason = str(error) or type(error).__name__
            skipped.append(f"the checkpoint of step {step} is damaged and was skipped ({reason})")
    if steps:
        raise CheckpointError(f"no checkpoint in {folder} is whole: {'; '.join(skipped)}; move the run folder away")
    return None, skipped


def load_step(folder: Path, step: int, layout: Layout) -> Checkpoint:
    """Return the checkpoint of a step.

    Raises:
        OtherVersionError: it was written by another version.
        Exception: any; it is damaged.
    """
    folder /= folder_name(step)
    manifest = verified_manifest(folder, step)
    if manifest["names"] not in (layout.names, PARTS):
        raise ValueError(f"its weights have {manifest['names']} names, but the model's are {layout.names}")
    facts = json.loads((folder / FACTS).read_bytes())
    facts.pop("step")
    if manifest["names"] == PARTS:
        return Checkpoint(step, {}, load_file(folder / STATE), facts, parts=folder)
    weights = layout.from_stored(load_file(folder / MODEL))
    return Checkpoint(step, weights, load_file(folder / STATE), facts)
