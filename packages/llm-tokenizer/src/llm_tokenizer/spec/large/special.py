"""Large cases of finding special tokens in a text."""

from __future__ import annotations

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_tokenizer.spec.large.texts import chosen, words

LARGE = LargeCases()
large = LARGE.of("tokenizer.split_special")

NAMES = [
    "<|a|>", "<|a", "<|", "<|a|>|>", "<|ab|>", "[INST]", "[/INST]", "<s>", "</s>", "<0x0A>", "\\d+", "a.c",
    "(?:x)", "$^",
]  # fmt: skip
ODD_NAMES = [
    "\x00", "\ufeff", "e\u0301", "é", "👩\u200d💻", "👩", "\u2028", "\r\n", "\n", " <x>", "<x> ", "ſ", "ß", "SS", "İ",
    "ﬁ", "𝔘",
]  # fmt: skip


def names(count: int) -> list[str]:
    """Return so many names, of which many begin like others: <|r1|>, <|r10|>, <|r1."""
    return [*NAMES, *(f"<|r{k // 2}" + "|>" * (k % 2) for k in range(count - len(NAMES)))]


def with_names(g: Generator, parts: list[str], special_tokens: list[str], count: int) -> str:
    """Return so many parts of text and names, in any order."""
    drawn = zip(chosen(g, parts, count), chosen(g, special_tokens, count), strict=True)
    return "".join(map("".join, drawn))


@large(2, "a limit on the number of names, a shorter name before a longer one")
def hundreds_of_names(g: Generator) -> Inputs:
    """More than a thousand; others begin in some of them, and some are broken off in the text."""
    special = list(dict.fromkeys([*chosen(g, names(1_100), 1_100), *names(1_100)[:1_050]]))
    parts = ["", "", " ", "<", "|>", "<|r", "x|>", "Some words. ", "<|r99", "\n"]
    return {"text": with_names(g, parts, special, 1200), "special_tokens": special}


@large(3, "a text read in blocks, so that a name across two is overlooked")
def names_across_blocks(g: Generator) -> Inputs:
    """Names over every border of 2 to the n, in bytes and in characters."""
    text = "".join(chosen(g, "abc <|>", 140_000))
    for border in (2**k for k in range(8, 18)):
        text = f"{text[: border - 3]}<|end|>{text[border + 4 :]}"
    return {"text": f"{text}{'é' * 60}<|end|>{'<|end|>' * 70}<|end", "special_tokens": ["<|end|>", "<|end"]}


@large(4, "names or texts normalized, folded in case, stripped, or cut at a null")
def names_of_all_kinds(g: Generator) -> Inputs:
    """Beside what is the same in another normal form or case."""
    parts = [
        "", "e", "\u0301", "E\u0301", "ss", "s", "i\u0307", "fi", "\u200d", "\r", " ", "<x>", "<X>", "U",
        "\U0001f4bb",
    ]  # fmt: skip
    return {"text": with_names(g, parts, ODD_NAMES, 1500), "special_tokens": ODD_NAMES}


@large(2, "a limit on the length of a name")
def long_names(g: Generator) -> Inputs:
    """Each the beginning of the next."""
    long = "".join(words(g, 300))
    special = [long[:size] for size in (2, 15, 16, 17, 63, 64, 65, 127, 128, 255, 256, 257, 511, 600)]
    parts = ["", "", long[:1], long[:40], long[1:30], " "]
    return {"text": with_names(g, parts, special, 120), "special_tokens": special}


@large(1, "halves of surrogate pairs lost, replaced or refused")
def halves_in_a_text(g: Generator) -> Inputs:
    """Anywhere in the text."""
    parts = ["\ud800", "\udfff\ud83d", "\ude00", "a", "\x00"]
    return {"text": with_names(g, parts, NAMES, 300), "special_tokens": NAMES}


@large(1, "a text without names that is cut into blocks or lines")
def no_names_at_all(g: Generator) -> Inputs:
    """Seventy thousand characters with line feeds in them."""
    return {"text": "".join(chosen(g, "ab \n\r\u2028", 70_001)), "special_tokens": []}


@large(2, "a search that goes on behind a name that has only begun")
def names_that_begin_again(g: Generator) -> Inputs:
    """Repetitions within the names, and in the text before them."""
    special = ["---end", "aab", "abab!", "<<|x|>"]
    parts = ["-", "--", "a", "ab", "aba", "<", "<<", "<<|x", ""]
    return {"text": with_names(g, parts, special, 400), "special_tokens": special}


@large(5, "a broken name that swallows the next one")
def a_broken_name_before_a_whole_one(g: Generator) -> Inputs:
    """As a search for <|…|> would take them together."""
    return {"text": "<|im <|end|> <| <|end|>|>", "special_tokens": ["<|end|>"]}
