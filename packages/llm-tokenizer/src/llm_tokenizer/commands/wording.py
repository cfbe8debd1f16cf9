"""Counts, times and the nearest name as words, for the messages of all commands."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def quantity(count: int, word: str) -> str:
    """Return a count with its word: `1 token`, `2,048 tokens`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def duration(seconds: float) -> str:
    """Return a time in whole seconds: `9 s`, `4:05 min`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"


def shortened(names: Sequence[str], most: int, *, between: str = ", ") -> str:
    """Return the first names, and of the others how many they are: `a, b and 3 more`."""
    more = len(names) - most
    return between.join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def suggest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean …?)` with the known names that have the word as a part, or the nearest; or nothing."""
    names = list(known)
    bare = {name.lstrip("-"): name for name in names}  # two dashes in common are no likeness
    near = [name for name in names if word in name.split("_")]
    near = near or [bare[name] for name in get_close_matches(word.lstrip("-"), bare, n=1, cutoff=0.5)]
    return f" (did you mean {' or '.join(near)}?)" if near else ""
