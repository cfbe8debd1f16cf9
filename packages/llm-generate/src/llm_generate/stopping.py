"""Stop strings: text that ends an answer and is never shown, not even half of it."""

from collections.abc import Sequence

from llm_generate.interface import GenerateError


class StopStrings:
    r"""Lets text through until one of the stop strings is complete.

    Why it works:
        A stop string can be spread over tokens: `\nUser:` as `\n`, `User`, `:`. So the end of the text is held back as
        long as it could be the beginning of a stop string, and let through once it cannot be. What is held
        back is always shorter than the longest stop string. The one that is complete first ends the text, and of two
        that end together the longer; so the result does not depend on how the text was split.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        """Take the stop strings.

        Raises:
            GenerateError: One of them is empty; it would end every text before it begins.
        """
        if isinstance(stop, str):
            raise GenerateError(f"stop must be a list of strings, was the single string {stop!r}: write [{stop!r}].")
        if "" in stop:
            raise GenerateError("stop must not contain the empty string: it would end every text before it begins.")
        self._stop = tuple(stop)
        self._held = ""
        self.found: str | None = None

    def feed(self, text: str) -> str:
        """Return what can be shown now; once `found` is set, nothing more."""
        if self.found is not None:
            return ""
        self._held += text
        ends = [(place + len(one), place, one) for one in self._stop if (place := self._held.find(one)) >= 0]
        if ends:
            _, place, self.found = min(ends)
            shown, self._held = self._held[:place], ""
            return shown
        keep = self._possible_beginning()
        shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return shown

    def finish(self) -> str:
        """Return what was held back and is ordinary text after all."""
        shown, self._held = self._held, ""
        return shown

    def _possible_beginning(self) -> int:
        """Return how many characters at the end could still become a stop string."""
        longest = min(max((len(one) for one in self._stop), default=0) - 1, len(self._held))
        for length in range(longest, 0, -1):
            if any(one.startswith(self._held[-length:]) for one in self._stop):
                return length
        return 0
