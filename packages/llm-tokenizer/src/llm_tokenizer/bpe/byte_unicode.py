"""A printable character for every byte, as GPT-2 introduced it.

Tokenizer files are text, and a token may be half a character, a line break or a control code. So each byte is written
as a character that can be seen: a space as `Ġ`, a line break as `Ċ`.
"""

from __future__ import annotations

from functools import cache

# The bytes whose Latin-1 character can be seen: "!" to "~", "¡" to "¬", "®" to "ÿ". 0xAD is an invisible hyphen.
_VISIBLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))


@cache
def byte_to_unicode() -> tuple[str, ...]:
    """Return the character for each byte: `byte_to_unicode()[0x20]` is `"Ġ"`.

    Why it works:
        188 bytes already look like themselves. The other 68 take the characters from U+0100 on, in the order of the
        bytes. No two bytes have the same character, so the bytes can always be recovered.

    Spec: tokenizer.byte_to_unicode
    Source: Radford et al. 2019, Language Models are Unsupervised Multitask Learners; its encoder.py.
    """
    invisible = iter(range(0x100, 0x100 + 256 - len(_VISIBLE)))
    return tuple(chr(byte if byte in _VISIBLE else next(invisible)) for byte in range(256))


def to_printable(data: bytes) -> str:
    """Return bytes as printable characters, one for each byte."""
    return "".join(map(byte_to_unicode().__getitem__, data))


def from_printable(text: str) -> bytes | None:
    """Return the bytes of these characters; None if one of them stands for no byte."""
    try:
        return bytes(map(_unicode_to_byte().__getitem__, text))
    except KeyError:
        return None


@cache
def _unicode_to_byte() -> dict[str, int]:
    return {character: byte for byte, character in enumerate(byte_to_unicode())}


@cache
def tie_order() -> tuple[int, ...]:
    """Return all bytes in the order of their printable characters: how training orders bytes when two pairs tie."""
    return tuple(sorted(range(256), key=byte_to_unicode().__getitem__))
