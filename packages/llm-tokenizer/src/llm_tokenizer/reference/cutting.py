"""How six well-known patterns split a text, spelled out by hand without a regular expression.

At each place the rules of a pattern are tried in turn, and the first that fits takes as much as it can. A rule gets
the text and a place, and returns where its piece ends, or the same place where it does not fit.
"""

from collections.abc import Callable
from unicodedata import category

Rule = Callable[[str, int], int]
Kind = Callable[[str], bool]

WHITE_SPACE = set("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | set(map(chr, range(0x2000, 0x200B)))


def split_text(text: str, pattern: str) -> list[str]:
    """The pieces of a text, in order."""
    if pattern not in RULES:
        raise ValueError(f"pattern: must be one of {', '.join(RULES)}, was {pattern!r}")
    pieces = []
    start = 0
    while start < len(text):
        end = next(end for rule in RULES[pattern] if (end := rule(text, start)) > start)
        pieces.append(text[start:end])
        start = end
    return pieces


def is_letter(character: str) -> bool:
    """Any letter of any script."""
    return category(character).startswith("L")


def is_number(character: str) -> bool:
    """Digits, and also `½` and `Ⅷ`."""
    return category(character).startswith("N")


def is_space(character: str) -> bool:
    """White space as Unicode defines it."""
    return character in WHITE_SPACE


def is_line_break(character: str) -> bool:
    """The two characters that the newer patterns take for line breaks."""
    return character in "\r\n"


def is_other(character: str) -> bool:
    """Neither letter, number nor white space: punctuation, symbols, marks, control characters."""
    return not (is_letter(character) or is_number(character) or is_space(character))


def is_upper(character: str) -> bool:
    """What may be in the front part of a word in o200k: capitals, and what is neither large nor small."""
    return category(character) in ("Lu", "Lt", "Lm", "Lo", "Mn", "Mc", "Me")


def is_lower(character: str) -> bool:
    """What may be in the back part of a word in o200k."""
    return category(character) in ("Ll", "Lm", "Lo", "Mn", "Mc", "Me")


def run(text: str, start: int, kind: Kind, most: int = 2**62) -> int:
    """Where a run of characters of one kind ends; at most `most` characters of it are taken."""
    end = start
    while end < len(text) and end - start < most and kind(text[end]):
        end += 1
    return end


def contraction(text: str, start: int) -> int:
    """`'s`, `'t`, `'re`, `'ve`, `'m`, `'ll`, `'d`, in small letters only."""
    for ending in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
        if text.startswith(ending, start):
            return start + len(ending)
    return start


def contraction_any_case(text: str, start: int) -> int:
    """The same in small letters and capitals."""
    for ending in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
        if text[start : start + len(ending)].casefold() == ending:
            return start + len(ending)
    return start


def after_space(kind: Kind) -> Rule:
    """A run of one kind, with one space before it if there is one."""

    def rule(text: str, start: int) -> int:
        first = start + 1 if text[start] == " " else start
        end = run(text, first, kind)
        return end if end > first else start

    return rule


def numbers(most: int) -> Rule:
    """At most `most` numbers in one piece."""
    return lambda text, start: run(text, start, is_number, most)


def leads(character: str) -> bool:
    """What a word may take along at its front in the newer patterns: one character, not a letter and not a number."""
    return not (is_letter(character) or is_number(character) or is_line_break(character))


def word(text: str, start: int) -> int:
    """Letters, with one character before them that is not a letter, number or line break."""
    first = start + 1 if leads(text[start]) else start
    end = run(text, first, is_letter)
    return end if end > first else start


def cased_word(text: str, start: int) -> int:
    """o200k: capitals and then at least one small letter; otherwise capitals alone. A contraction is included."""
    for core in (capitals_then_small, capitals):
        for first in [start + 1, start] if leads(text[start]) else [start]:
            end = core(text, first)
            if end > first:
                return contraction_any_case(text, end)
    return start


def capitals_then_small(text: str, start: int) -> int:
    """As many capitals as leave at least one small letter, then all small letters."""
    for middle in range(run(text, start, is_upper), start - 1, -1):
        end = run(text, middle, is_lower)
        if end > middle:
            return end
    return start


def capitals(text: str, start: int) -> int:
    """Capitals alone."""
    return run(text, start, is_upper)


def others_and(trailing: str) -> Rule:
    """Other characters, with one space before them and any of `trailing` after them."""

    def rule(text: str, start: int) -> int:
        end = after_space(is_other)(text, start)
        return run(text, end, lambda character: character in trailing) if end > start else start

    return rule


def lines(text: str, start: int) -> int:
    """White space up to and with its last line break."""
    end = run(text, start, is_space)
    while end > start and not is_line_break(text[end - 1]):
        end -= 1
    return end


def spaces_at_the_end(text: str, start: int) -> int:
    """White space that ends the whole text."""
    end = run(text, start, is_space)
    return end if end == len(text) else start


def spaces(text: str, start: int) -> int:
    """White space; the last one is left for the word after it, unless it is the only one."""
    end = run(text, start, is_space)
    return end if end == len(text) or end <= start + 1 else end - 1


def spaces_before_number(text: str, start: int) -> int:
    """White space up to a number, to which no space belongs in smollm."""
    end = run(text, start, is_space)
    return end if end < len(text) and is_number(text[end]) else start


LLAMA3 = [contraction_any_case, word, numbers(3), others_and("\r\n"), lines, spaces]
RULES: dict[str, list[Rule]] = {
    "gpt2": [contraction, after_space(is_letter), after_space(is_number), after_space(is_other), spaces],
    "cl100k": [contraction_any_case, word, numbers(3), others_and("\r\n"), spaces_at_the_end, lines, spaces],
    "o200k": [cased_word, numbers(3), others_and("\r\n/"), lines, spaces],
    "llama3": LLAMA3,
    "qwen2": [contraction_any_case, word, numbers(1), *LLAMA3[3:]],
    "smollm": [contraction, after_space(is_letter), numbers(1), after_space(is_other), spaces_before_number, spaces],
}
