"""Text from ids that come one at a time, by the rules of UTF-8 written out."""

from llm_tokenizer.reference.byte_pair import Merges, decode_bpe

# How a character can begin: the range of its first byte, that of its second, and how many bytes it has.
BEGINNINGS = (
    (0xC2, 0xDF, 0x80, 0xBF, 2),
    (0xE0, 0xE0, 0xA0, 0xBF, 3),
    (0xE1, 0xEC, 0x80, 0xBF, 3),
    (0xED, 0xED, 0x80, 0x9F, 3),
    (0xEE, 0xEF, 0x80, 0xBF, 3),
    (0xF0, 0xF0, 0x90, 0xBF, 4),
    (0xF1, 0xF3, 0x80, 0xBF, 4),
    (0xF4, 0xF4, 0x80, 0x8F, 4),
)


def stream_decode(ids: list[int], merges: Merges) -> list[str]:
    """The text that each id completes, and last what is left at the end."""
    parts = []
    held = b""
    for id in ids:
        held += decode_bpe([id], merges)
        waiting = unfinished(held)
        done = len(held) - waiting
        parts.append(held[:done].decode("utf-8", "replace"))
        held = held[done:]
    parts.append(held.decode("utf-8", "replace"))
    return parts


def unfinished(data: bytes) -> int:
    """How many bytes at the end are the beginning of a character that may still become whole."""
    for length in (3, 2, 1):
        if length <= len(data) and is_beginning(data[len(data) - length :]):
            return length
    return 0


def is_beginning(data: bytes) -> bool:
    """Whether these bytes are the first of a character, and not all of it."""
    for first_low, first_high, second_low, second_high, size in BEGINNINGS:
        if first_low <= data[0] <= first_high:
            ranges = [(second_low, second_high), (0x80, 0xBF), (0x80, 0xBF)]
            return len(data) < size and all(
                low <= byte <= high for byte, (low, high) in zip(data[1:], ranges, strict=False)
            )
    return False
