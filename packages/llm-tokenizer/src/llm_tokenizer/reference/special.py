"""Special tokens in a text, found by looking at every place."""


def split_special(text: str, special_tokens: list[str]) -> list[list[str | bool]]:
    """The parts of a text, each with whether it is a special token."""
    parts: list[list[str | bool]] = []
    plain = ""
    place = 0
    while place < len(text):
        longest = max((name for name in special_tokens if text.startswith(name, place)), key=len, default="")
        if longest:
            if plain:
                parts.append([plain, False])
            parts.append([longest, True])
            plain = ""
            place += len(longest)
        else:
            plain += text[place]
            place += 1
    if plain:
        parts.append([plain, False])
    return parts
