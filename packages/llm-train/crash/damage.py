"""Damage the files of a checkpoint, one at a time: a flipped bit, or an end that is cut off."""

import random
from collections.abc import Iterator
from pathlib import Path


def with_damage(folder: Path, *, count: int, seed: int) -> Iterator[str]:
    """Yield the words for one damage after another; each is there while the caller looks, and undone afterwards.

    Every file is damaged about equally often, whatever its size, because the small ones decide what the large are for.
    """
    draw = random.Random(seed)
    files = sorted(folder.iterdir())
    for number in range(count):
        path = files[number % len(files)]
        content = path.read_bytes()
        place = draw.randrange(len(content))
        if draw.random() < 0.75:
            bit = draw.randrange(8)
            words = f"{path.name}: bit {bit} of byte {place} flipped"
            with path.open("rb+") as file:
                file.seek(place)
                file.write(bytes([content[place] ^ 1 << bit]))
        else:
            words = f"{path.name}: cut to {place} of {len(content)} bytes"
            with path.open("rb+") as file:
                file.truncate(place)
        yield words
        path.write_bytes(content)
