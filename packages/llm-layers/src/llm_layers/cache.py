"""Key/value cache: what attention has already worked out about the positions behind."""

import torch
from jaxtyping import Float
from torch import Tensor

from llm_layers.errors import LayersError


class LayerCache:
    """The keys and values of one layer, in one buffer each that doubles when it is full.

    Doubling means that n appended positions are copied fewer than 2n times in all; joining with `torch.cat` at every
    step would copy n²/2.
    """

    def __init__(self) -> None:
        self.length = 0
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    def append(
        self,
        keys: Float[Tensor, "batch kv_heads position d_head"],
        values: Float[Tensor, "batch kv_heads position d_head"],
    ) -> tuple[
        Float[Tensor, "batch kv_heads key_position d_head"], Float[Tensor, "batch kv_heads key_position d_head"]
    ]:
        """Add positions at the end; give all keys and all values so far."""
        if keys.requires_grad and torch.is_grad_enabled():
            raise LayersError(
                "a cache must be used without gradients, because no gradient flows through it: "
                "put the call under torch.inference_mode()"
            )
        start, end = self.length, self.length + keys.shape[2]
        self._keys = _with_room(self._keys, keys, start, end)
        self._values = _with_room(self._values, values, start, end)
        self._keys[:, :, start:end] = keys
        self._values[:, :, start:end] = values
        self.length = end
        return self._keys[:, :, :end], self._values[:, :, :end]


class KeyValueCache:
    """One `LayerCache` per block.

    Why it works:
        In a causal model the past never looks at the future, so the key and the value of a position are final once
        they are made. Keeping them means that a new token costs one position of work instead of the whole text again.

    Args:
        layers: number of blocks of the model that will fill it.
    """

    def __init__(self, layers: int) -> None:
        self.layers = [LayerCache() for _ in range(layers)]

    @property
    def length(self) -> int:
        """How many positions are held."""
        return self.layers[0].length

    def truncate(self, length: int) -> None:
        """Forget every position from `length` on, for example the rejected guesses of a draft."""
        if not 0 <= length <= self.length:
            raise LayersError(f"length must lie between 0 and {self.length}, the cache's own, but was {length}")
        for layer in self.layers:
            layer.length = length


def _with_room(buffer: Tensor | None, new: Tensor, held: int, needed: int) -> Tensor:
    """Give a buffer with room for `needed` positions that starts with the `held` positions of `buffer`."""
    if buffer is not None and needed <= buffer.shape[2]:
        return buffer
    batch, kv_heads, _, d_head = new.shape
    larger = new.new_empty(batch, kv_heads, max(needed, 2 * held, 32), d_head)
    if buffer is not None:
        larger[:, :, :held] = buffer[:, :, :held]
    return larger
