"""The checkpoints of one run: save its state, restore the newest, delete old ones."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from llm_train.backends.splitting import gathered, is_split, parts_like
from llm_train.checkpoints.folders import remove_old
from llm_train.checkpoints.loading import load_newest, load_step
from llm_train.checkpoints.record import Checkpoint, Layout, Stateful, gather, restore
from llm_train.checkpoints.saving import save_checkpoint
from llm_train.place import Place


class CheckpointStore:
    """Ties a folder of checkpoints to the objects whose state they hold.

    Of several processes the first one finds, writes and removes. What is split over them is gathered for that, and each
    takes its part when it is restored: a checkpoint is the same whoever wrote it.
    """

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        parts: Mapping[str, Stateful],
        layout: Layout,
        shown: Callable[[], AbstractContextManager[None]] = nullcontext,
        place: Place | None = None,
        checkpoint_format: str = "whole",
    ) -> None:
        """Take the model and, by name, whatever else the next update depends on; its order does not matter.

        `shown` puts the weights that others are to see into the model for a while, where those are an average.

        What follows from the step alone, such as the learning rate, the order of the data and random numbers, has no
        state: there is nothing to restore, and nothing to get wrong.
        """
        self.folder, self.model, self.parts, self.layout, self.shown = folder, model, dict(parts), layout, shown
        self.place, self.format = place or Place(), checkpoint_format
        self.saved: int | None = None
        """The step that was saved or restored last."""
        self._saved_at = time.monotonic()

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """Return the newest whole checkpoint, and why newer ones were skipped; nothing is changed.

        Raises:
            CheckpointError: there are checkpoints, but none is whole, or it is of another version.
        """
        found: Checkpoint | None = None
        skipped: list[str] = []

        def find() -> int | None:
            nonlocal found, skipped
            found, skipped = load_newest(self.folder, self.layout)
            return None if found is None else found.step

        step = self.place.once(find)
        if step is not None and found is None:  # another process has found it
            found = load_step(self.folder, step, self.layout)
        return found, skipped

    def restore(self, checkpoint: Checkpoint) -> None:
        """Put a state into the model and the other parts."""
        weights, state = self.model.state_dict(), gather(self.parts)
        if checkpoint.parts is not None:
            from llm_train.checkpoints.distributed import read_parts  # not before: DCP is slow to import

            checkpoint = read_parts(checkpoint, weights, state)
        self.model.load_state_dict(parts_like(checkpoint.weights, weights))
        restore(self.parts, parts_like(checkpoint.state, state))
        self.saved = checkpoint.step

    def save(self, step: int, facts: Mapping[str, Any]) -> Path | None:
        """Save the state after a step, unless that was done already; return the folder.

        Raises:
            NonFiniteError: a number is infinite or NaN; nothing was written.
            CheckpointError: the disk is full or not writable; earlier checkpoints are unchanged.
        """
        if self.saved == step:
            return None
        state = gather(self.parts)
        if self.format == "parts" and any(map(is_split, state.values())):
            from llm_train.checkpoints.distributed import save_parts

            with self.shown():
                folder = save_parts(self.folder, Checkpoint(step, self.model.state_dict(), state, facts), self.place)
            self.saved, self._saved_at = step, time.monotonic()
            return folder
        state = gathered(state, self.place)
        with self.shown():
            weights = gathered(self.model.state_dict(), self.place)
            checkpoint = Checkpoint(step, weights, state, facts)
            folder = Path(self.place.once(lambda: str(save_checkpoint(self.folder, checkpoint, self.layout))))
        self.saved, self._saved_at = step, time.monotonic()
        return folder

    def older_than(self, minutes: float) -> bool:
        """Whether so much time has passed since this run began or last saved."""
        return time.monotonic() - self._saved_at >= 60 * minutes

    def remove_old(self, *, keep: int, every: int | None = None, also: Iterable[int] = ()) -> None:
        """Delete the checkpoints that nobody asked to keep; `remove_old` in `folders` says which those are."""
        if self.saved is not None and self.place.first:
            remove_old(self.folder, newest=self.saved, keep=keep, every=every, also=also)
