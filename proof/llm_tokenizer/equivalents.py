"""Planted faults that change no answer, each with the reason."""

EQUIVALENT: dict[str, str] = {}
