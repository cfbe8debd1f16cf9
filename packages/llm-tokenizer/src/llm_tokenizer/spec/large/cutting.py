"""Large cases of cutting a text into pieces."""

from __future__ import annotations

from collections.abc import Callable

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_tokenizer.reference.cutting import RULES
from llm_tokenizer.spec.large.characters import NO_SPACES, SPACES, edges, of_every_category, put_in
from llm_tokenizer.spec.large.texts import chosen, prose

LARGE = LargeCases()

TURNING_POINTS = [
    *[""] * 4, " ", " ", "  ", "\n", "\r\n", "'", "'s", "'LL", "a", "Bc", "D", "1", "234", "!", "/", "\t", "\u0301",
    "ſ", "ǅ",
]  # fmt: skip


def in_each_pattern(clause: int, catches: str) -> Callable[[Callable[[Generator, str], str]], None]:
    """Return the decorator of a function from a generator and a pattern to the text."""

    def keep(rule: Callable[[Generator, str], str]) -> None:
        for pattern in RULES:

            @LARGE("tokenizer.split_text", clause, catches, f"{rule.__name__}, {pattern}")
            def inputs(g: Generator, pattern: str = pattern) -> Inputs:
                return {"text": rule(g, pattern), "pattern": pattern}

    return keep


@in_each_pattern(clause=1, catches="a text cut into blocks before it is cut into pieces, places in 16 bits")
def a_long_text(g: Generator, pattern: str) -> str:
    """A million bytes in one pattern; in the others still beyond 64 KiB."""
    return prose(g, 140_000 if pattern == "llama3" else 11_000)


@in_each_pattern(clause=2, catches="a limit on the length of a piece, or a rule that gives up on long runs")
def long_runs(g: Generator, pattern: str) -> str:
    """Runs of 70,000 in one pattern."""
    most = 70_000 if pattern == "o200k" else 9_000
    return "x".join(character * most for character in "é 7!\n\u0301") + "aA" * 900


@in_each_pattern(clause=4, catches="a table of letters, numbers or marks that leaves out a script or a plane")
def every_run_of_a_category(g: Generator, pattern: str) -> str:
    """The first and the last of all characters in a row that are of one category."""
    return put_in("¤ ¤¤a¤B¤¤1¤.¤ x\n", edges())


@in_each_pattern(clause=4, catches="a category taken for another beside letters, digits, apostrophes, line breaks")
def every_category_and_plane(g: Generator, pattern: str) -> str:
    """In every neighborhood that a rule asks for."""
    places = "¤\n¤¤\na¤b A¤¤B ¤a ¤A¤ 1¤2¤¤3 ¤ ¤¤ '¤ ¤'s ¤'S '¤¤' .¤. ¤\r\n ¤\n\n¤/¤ \t¤\u00a0¤¤¤¤1234¤5x¤¤¤¤ \n"
    return put_in(places, of_every_category())


@in_each_pattern(clause=2, catches="a rule that looks at two characters only, alternatives in another order")
def all_kinds_in_any_order(g: Generator, pattern: str) -> str:
    """Characters of all categories, and what the rules turn on."""
    drawn = zip(chosen(g, of_every_category(), 9000), chosen(g, TURNING_POINTS, 9000), strict=True)
    return "".join(map("".join, drawn))


@in_each_pattern(clause=10, catches="Python's or ASCII's white space; joiners and marks taken for white space")
def white_space_of_all_kinds(g: Generator, pattern: str) -> str:
    """Every two of them."""
    return "".join(put_in(f"a{one}¤b¤{one}¤1¤!", SPACES + NO_SPACES) for one in SPACES + NO_SPACES)


@in_each_pattern(clause=1, catches="halves of surrogate pairs lost, replaced or refused: a piece may hold one")
def halves_of_surrogate_pairs(g: Generator, pattern: str) -> str:
    """One half, or both in the wrong order; in the right one they would be a character in languages with UTF-16."""
    return put_in("a¤b ¤ ¤¤1¤'s¤\n", map(chr, range(0xD800, 0xE000, 31))) + "\udfff\ud83d"


@LARGE(
    "tokenizer.split_text", 4, "letters that have the value of a number taken for numbers", "numbers_that_are_letters"
)
def numbers_that_are_letters(g: Generator) -> Inputs:
    """Numerals of Chinese and other letters, after white space."""
    return {"text": "a  一 二三  ㊀ 〇  ½ x  四", "pattern": "smollm"}


LARGE("tokenizer.split_text", 12, "a name that is not looked at", "no_pattern_of_no_text", raises="ValueError")(
    lambda g: {"text": "", "pattern": "nosuch"}
)


for _name in ("", "GPT2", " gpt2", "gpt", "gpt2 ", "llama-3"):

    @LARGE("tokenizer.split_text", 12, "a name known by a part of it", f"the_pattern_{_name}", raises="ValueError")
    def another_name(g: Generator, name: str = _name) -> Inputs:
        """Nearly a name of a pattern."""
        return {"text": "A text.", "pattern": name}
