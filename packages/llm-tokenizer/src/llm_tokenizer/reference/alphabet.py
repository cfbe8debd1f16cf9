"""A printable character for every byte."""


def byte_to_unicode() -> list[str]:
    """Visible Latin-1 characters stand for themselves, the rest take U+0100 and on."""
    table = []
    moved = 0
    for byte in range(256):
        visible = ord("!") <= byte <= ord("~") or ord("¡") <= byte <= ord("¬") or ord("®") <= byte <= ord("ÿ")
        if visible:
            table.append(chr(byte))
        else:
            table.append(chr(256 + moved))
            moved += 1
    return table
