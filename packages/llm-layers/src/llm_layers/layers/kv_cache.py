"""KV caches: the keys and values of the positions that attention has already read."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from llm_layers.interface import LayersError

Keys = Float[Tensor, "batch kv_heads key_position d_head"]
Buffers = tuple[Tensor, Tensor]


@runtime_checkable
class LayerCache(Protocol):
    """The keys and values of one layer.

    A cache may drop old positions, so two properties describe it: `length`, how many positions have been read
    in all (the index of the next one), and `positions`, those that are still held. A mask must be made from
    positions, never from indices.
    """

    @property
    def length(self) -> int:
        """How many positions have been read, dropped ones included: the index of the next one."""

    @property
    def positions(self) -> range:
        """The positions of the keys that the next `append` puts before the new ones."""

    @property
    def min_length(self) -> int:
        """The smallest length that `truncate` can still go back to."""

    def append(
        self,
        keys: Float[Tensor, "batch kv_heads position d_head"],
        values: Float[Tensor, "batch kv_heads position d_head"],
    ) -> tuple[Keys, Keys]:
        """Add positions at the end; return the keys and values of `positions` and of the new ones, in this order.

        What comes back may be a view of the cache: use it before the next call.
        """

    def truncate(self, length: int) -> None:
        """Forget every position from `length` on."""


class GrowingCache:
    """All positions, in buffers that double when they are full.

    Doubling means that n appended positions are copied fewer than 2n times in all; joining with `torch.cat` at every
    step would copy n²/2.
    """

    def __init__(self) -> None:
        self.length = 0
        self._buffers: Buffers | None = None

    @property
    def positions(self) -> range:
        """All that were read."""
        return range(self.length)

    @property
    def min_length(self) -> int:
        """Nothing is dropped, so any length will do."""
        return 0

    def append(
        self,
        keys: Float[Tensor, "batch kv_heads position d_head"],
        values: Float[Tensor, "batch kv_heads position d_head"],
    ) -> tuple[Keys, Keys]:
        """Add positions at the end; return all keys and all values so far."""
        _check_new(keys, values, self._buffers)
        start, end = self.length, self.length + keys.shape[2]
        if self._buffers is None or end > self._buffers[0].shape[2]:
            self._buffers = _with_room(self._room_for(end), (keys, values), self._buffers, range(start))
        self.length = end
        return _write(self._buffers, (keys, values), start, first=0)

    def truncate(self, length: int) -> None:
        """Forget every position from `length` on."""
        _check_length(length, self)
        self.length = length

    def _room_for(self, end: int) -> int:
        """Return for how many positions to make buffers when the first `end` do not fit."""
        return max(end, 2 * self.length, 32)


class StaticCache(GrowingCache):
    """Up to `capacity` positions, in buffers that are made once and never move.

    Takes all its memory with the first positions: a text that will not fit fails at the start, not after an hour.
    `append` raises a `LayersError` when the new positions do not fit; the cache then still holds what it held.

    Args:
        capacity: how many positions fit; at least 1.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise LayersError(f"capacity must be at least 1 position, but was {capacity}")
        super().__init__()
        self.capacity = capacity

    def _room_for(self, end: int) -> int:
        if end > self.capacity:
            raise LayersError(
                f"a static cache of {self.capacity} positions holds {self.length} and cannot take {end - self.length} "
                "more: make it with a larger capacity, or use a GrowingCache"
            )
        return self.capacity


class SlidingCache:
    """Only the positions that a layer with a sliding window can still look back to.

    The window of the next position is itself and `window - 1` before it, so that is all that is held, however long
    the text. The buffers have twice the room: they are filled from left to right, and when they are full, what is
    still needed moves to the front. So a position is copied about once, and what `append` returns is contiguous.

    Args:
        window: how many positions a query sees, itself included; at least 1.
        rollback: how many positions `truncate` can always take back, for example the guesses of a draft.
    """

    def __init__(self, window: int, *, rollback: int = 0) -> None:
        if window < 1 or rollback < 0:
            raise LayersError(
                f"window must be at least 1 and rollback at least 0, but they were {window} and {rollback}"
            )
        self.window, self.length = window, 0
        self._kept = window - 1 + rollback
        self._dropped = 0  # positions that are lost: those below this one
        self._start = 0  # the position that stands in the first place of the buffers
        self._buffers: Buffers | None = None

    @property
    def positions(self) -> range:
        """The last `window - 1`, or all that there are."""
        return range(max(0, self.length - self.window + 1), self.length)

    @property
    def min_length(self) -> int:
        """Where the window of the next position is still held whole."""
        return 0 if self._dropped == 0 else self._dropped + self.window - 1

    def append(
        self,
        keys: Float[Tensor, "batch kv_heads position d_head"],
        values: Float[Tensor, "batch kv_heads position d_head"],
    ) -> tuple[Keys, Keys]:
        """Add positions at the end; return the keys and values that the new ones can look at, and drop the oldest."""
        _check_new(keys, values, self._buffers)
        first, start, end = self.positions.start, self.length, self.length + keys.shape[2]
        if self._buffers is None or end - self._start > self._buffers[0].shape[2]:
            held = range(self._dropped - self._start, start - self._start)
            room = max(2 * self._kept, len(held) + keys.shape[2], 32)
            self._buffers = _with_room(room, (keys, values), self._buffers, held)
            self._start = self._dropped
        self.length = end
        self._dropped = max(self._dropped, end - self._kept)
        return _write(self._buffers, (keys, values), start - self._start, first=first - self._start)

    def truncate(self, length: int) -> None:
        """Forget every position from `length` on.

        Raises:
            LayersError: when the window before `length` is no longer held whole.
        """
        _check_length(length, self)
        self.length = length


class KeyValueCache:
    """One `LayerCache` per block.

    Why it works:
        In a causal model the past never looks at the future, so the key and the value of a position are final once
        they are made. Keeping them means that a new token costs one position of work instead of the whole text again.

    Args:
        layers: an empty cache for each block of the model that will fill it; different blocks may have different
            kinds.

    Spec: layers.cached_attention
    """

    def __init__(self, layers: Sequence[LayerCache]) -> None:
        self.layers = list(layers)
        if not self.layers:
            raise LayersError("layers must hold one cache for each block of the model, but was empty")

    @property
    def length(self) -> int:
        """How many positions have been read."""
        return self.layers[0].length

    def truncate(self, length: int) -> None:
        """Forget every position from `length` on, for example the rejected guesses of a draft.

        Raises:
            LayersError: when one of the layers cannot go back so far; then all stay as they were.
        """
        for layer in self.layers:
            _check_length(length, layer)
        for layer in self.layers:
            layer.truncate(length)


def _check_length(length: int, cache: LayerCache) -> None:
    if not cache.min_length <= length <= cache.length:
        lost = "; the keys that its window needs were dropped: make the cache with more `rollback`"
        allowed = f"lie between {cache.min_length} and" if cache.min_length < cache.length else "be"
        raise LayersError(
            f"length must {allowed} {cache.length}, the cache's own, but was {length}"
            + (lost if 0 <= length < cache.min_length else "")
        )


def _check_new(keys: Tensor, values: Tensor, buffers: Buffers | None) -> None:
    """Refuse what torch would lose or change without a word: gradients, and rows or types that are converted to fit."""
    if (keys.requires_grad or values.requires_grad) and torch.is_grad_enabled():
        raise LayersError(
            "a cache must be used without gradients, because no gradient flows through it: "
            "put the call under torch.inference_mode()"
        )
    for name, new, held in zip(("keys", "values"), (keys, values), buffers or (keys, values), strict=True):
        if _kind(new) != _kind(held):
            raise LayersError(
                f"{name} must be of the same batch, kv_heads and d_head, dtype and device as those that the cache "
                f"holds, {_kind(held)}, but were {_kind(new)}: use one cache for each batch of texts"
            )


def _kind(x: Tensor) -> tuple[object, ...]:
    batch, kv_heads, _, d_head = x.shape
    return batch, kv_heads, d_head, x.dtype, x.device


def _with_room(room: int, new: tuple[Tensor, Tensor], old: Buffers | None, held: range) -> Buffers:
    """Return buffers for `room` positions that start with those places of `old` that are held."""
    made = []
    for index, like in enumerate(new):
        batch, kv_heads, _, d_head = like.shape
        larger = like.new_empty(batch, kv_heads, room, d_head)
        if old is not None:
            larger[:, :, : len(held)] = old[index][:, :, held.start : held.stop]
        made.append(larger)
    return made[0], made[1]


def _write(buffers: Buffers, new: tuple[Tensor, Tensor], start: int, first: int) -> tuple[Tensor, Tensor]:
    """Write the new ones at index `start`; return everything from place `first` to their end."""
    end = start + new[0].shape[2]
    for buffer, rows in zip(buffers, new, strict=True):
        buffer[:, :, start:end] = rows
    return buffers[0][:, :, first:end], buffers[1][:, :, first:end]
