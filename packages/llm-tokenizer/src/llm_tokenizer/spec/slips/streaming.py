"""Slips in decoding a stream."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.reference.byte_pair import Merges

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.stream_decode")
slip("token by token", "a character may lie in two tokens: its first bytes must wait for the others")(
    lambda ids, merges: [*(reference.decode_bpe([id], merges).decode("utf-8", "replace") for id in ids), ""]
)
slip("all at the end", "what is complete is shown at once, not kept for the end")(
    lambda ids, merges: [*("" for _ in ids), reference.decode_bpe(ids, merges).decode("utf-8", "replace")]
)
slip("rest forgotten", "what is unfinished at the end is shown as U+FFFD, it does not vanish")(
    lambda ids, merges: [*reference.stream_decode(ids, merges)[:-1], ""]
)
slip("no string for the end", "there is one string more than there are ids, for what is left")(
    lambda ids, merges: reference.stream_decode(ids, merges)[:-1]
)


def _held_until(ready: Callable[[bytes], bool]) -> Callable[[list[int], Merges], list[str]]:
    """Decode whenever the bytes that are held are ready, and then all of them."""

    def stream_decode(ids: list[int], merges: Merges) -> list[str]:
        parts, held = [], b""
        for id in ids:
            held += reference.decode_bpe([id], merges)
            parts.append(held.decode("utf-8", "replace") if ready(held) else "")
            held = b"" if ready(held) else held
        return [*parts, held.decode("utf-8", "replace")]

    return stream_decode


slip("waits until all is whole", "a byte that can never become a character must not hold up what follows it")(
    _held_until(lambda held: held.decode("utf-8", "ignore").encode() == held)
)
slip("the complete part of a token waits too", "only the bytes of the unfinished character wait")(
    _held_until(lambda held: not reference.streaming.unfinished(held))
)


@slip("whole text minus what was shown", "text that ends in U+FFFD must not be cut from what comes next")
def by_difference(ids: list[int], merges: Merges) -> list[str]:
    parts, shown = [], ""
    for count in range(1, len(ids) + 1):
        text = reference.decode_bpe(ids[:count], merges).decode("utf-8", "replace")
        parts.append("" if text.endswith("\ufffd") else text[len(shown) :])
        shown = shown if text.endswith("\ufffd") else text
    text = reference.decode_bpe(ids, merges).decode("utf-8", "replace")
    return [*parts, text[len(shown) :]]


slip("one sign for several bytes", "each byte that begins no character is one U+FFFD")(
    lambda ids, merges: [text.replace("\ufffd\ufffd", "\ufffd") for text in reference.stream_decode(ids, merges)]
)


def _incremental(errors: str) -> Callable[[list[int], Merges], list[str]]:
    """Decode with Python's own decoder of streams."""

    def stream_decode(ids: list[int], merges: Merges) -> list[str]:
        decoder = codecs.getincrementaldecoder("utf-8")(errors)
        return [*(decoder.decode(reference.decode_bpe([id], merges)) for id in ids), decoder.decode(b"", final=True)]

    return stream_decode


slip("bad bytes dropped", "bytes that are not UTF-8 are shown as U+FFFD, they do not vanish")(_incremental("ignore"))
slip(
    "half a surrogate pair waits",
    "after ED only 80 to 9F may follow: ED A0 waits for nothing, as Python's decoder does",
)(_incremental("replace"))
slip("unknown ids passed over", "an id that does not exist raises ValueError")(
    lambda ids, merges: reference.stream_decode([id for id in ids if 0 <= id < 256 + len(merges)], merges)
)
