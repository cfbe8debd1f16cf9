"""The wire format of Protocol Buffers, as much of it as a SentencePiece model needs.

A message is a sequence of fields. Each begins with a number for the field and its kind; then comes a number, eight
bytes, a length with as many bytes, or four bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from llm_tokenizer.files.fields import decode_text, refusal

NUMBER, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
Value = int | bytes


def read_message(data: bytes, name: str) -> Iterator[tuple[int, int, Value]]:
    """Yield each field's number, its kind and its value; `name` says in an error which message this is.

    Source: <https://protobuf.dev/programming-guides/encoding/>
    """
    place = 0
    while place < len(data):
        start = place
        tag, place = _number(data, place, name)
        kind = tag & 7
        value: Value
        if kind == NUMBER:
            value, place = _number(data, place, name)
        elif kind in (EIGHT_BYTES, BYTES, FOUR_BYTES):
            length = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(kind)
            if length is None:
                length, place = _number(data, place, name)
            if length > len(data) - place:
                raise refusal(f"{name}, byte {start}", f"a field of at most {len(data) - place} bytes", length)
            value, place = data[place : place + length], place + length
        else:
            raise refusal(f"{name}, byte {start}", "a field of kind 0, 1, 2 or 5", kind)
        yield tag >> 3, kind, value


def as_number(value: Value, field: str) -> int:
    """Return a whole number."""
    if not isinstance(value, int):
        raise refusal(field, "a whole number", value[:20])
    return value


def as_bytes(value: Value, kind: int, field: str) -> bytes:
    """Return bytes: a text or a message."""
    if kind != BYTES or not isinstance(value, bytes):
        raise refusal(field, "a text or a message", value)
    return value


def as_text(value: Value, kind: int, field: str) -> str:
    """Return a text, which must be UTF-8."""
    return decode_text(as_bytes(value, kind, field), field)


def as_float(value: Value, kind: int, field: str) -> float:
    """Return a number of four bytes."""
    if kind != FOUR_BYTES or not isinstance(value, bytes):
        raise refusal(field, "a number of four bytes", value)
    return float(struct.unpack("<f", value)[0])


def _number(data: bytes, place: int, name: str) -> tuple[int, int]:
    """Return a number in seven bits a byte, lowest first, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, place
    raise refusal(f"{name}, byte {place}", "a number of at most ten bytes", "its end is missing")


def write_message(*fields: tuple[int, int | float | bytes | str]) -> bytes:
    """Return a message with these fields: each field's number and its value."""
    data = bytearray()  # to which adding takes the same time however long it is
    for number, value in fields:
        if isinstance(value, float):
            data += _varint(number << 3 | FOUR_BYTES) + struct.pack("<f", value)
        elif isinstance(value, int):
            data += _varint(number << 3 | NUMBER) + _varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            data += _varint(number << 3 | BYTES) + _varint(len(content)) + content
    return bytes(data)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # a negative number is one of 64 bits
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])
