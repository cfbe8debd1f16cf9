"""Slips in the table of bytes."""

from __future__ import annotations

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.byte_to_unicode")
slip("plain Latin-1", "your table gives every byte the character of its own number, control characters too")(
    lambda: [chr(byte) for byte in range(256)]
)
slip("all moved up", "your table moves every byte up by 256; visible characters must stay as they are")(
    lambda: [chr(256 + byte) for byte in range(256)]
)
slip("invisible ones moved by 256", "you gave byte b the character 256 + b; they must be numbered without gaps")(
    lambda: [shown if shown == chr(byte) else chr(256 + byte) for byte, shown in enumerate(reference.byte_to_unicode())]
)
slip("soft hyphen kept", "byte 0xAD, the soft hyphen, cannot be seen and must be moved up as well")(
    lambda: _table(set(range(0x21, 0x7F)) | set(range(0xA1, 0x100)))
)
slip("space kept", "the space (0x20) must not stay a space: it is written Ġ")(
    lambda: _table(set(range(0x20, 0x7F)) | set(range(0xA1, 0xAD)) | set(range(0xAE, 0x100)))
)
slip(
    "range end left out", "the last character of a range was left out: ~ (0x7E), ¬ (0xAC) and ÿ (0xFF) stay as they are"
)(lambda: _table(set(range(0x21, 0x7E)) | set(range(0xA1, 0xAC)) | set(range(0xAE, 0xFF))))


def _table(visible: set[int]) -> list[str]:
    invisible = [byte for byte in range(256) if byte not in visible]
    return [chr(byte) if byte in visible else chr(256 + invisible.index(byte)) for byte in range(256)]
