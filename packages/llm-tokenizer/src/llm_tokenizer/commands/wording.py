"""Counts and times as words, for the messages of all commands."""


def quantity(count: int, word: str) -> str:
    """Return a count with its word: `1 token`, `2,048 tokens`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def duration(seconds: float) -> str:
    """Return a time in whole seconds: `9 s`, `4:05 min`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
