"""Large cases: sizes beyond every table, byte and 16-bit border that real code has, and all kinds of characters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np

from llm_tokenizer.conformance.large import Generator, LargeCases
from llm_tokenizer.reference.byte_pair import decode_bpe, encode_bpe
from llm_tokenizer.reference.cutting import RULES
from llm_tokenizer.spec.characters import NO_SPACES, SPACES, edges, of_every_category

LARGE = LargeCases()
Merges = list[list[int]]

SYLLABLES = [first + second for first, second in product("bdfgklmnprstvwz", "aeiouéø")]
BETWEEN = [
    *[" "] * 30, ", ", ". ", "\n", "\r\n\r\n", "  ", "\n    ", "\t", "'s ", "'LL ", " 7 ", " 2048 ", "-", "/", " (",
    "!\n",
]  # fmt: skip
TURNS = [
    *[""] * 4, " ", " ", "  ", "\n", "\r\n", "'", "'s", "'LL", "a", "Bc", "D", "1", "234", "!", "/", "\t", "\u0301",
    "ſ", "ǅ",
]  # fmt: skip
BORDERS = (256, 1000, 4096, 10_000, 32_768, 50_257, 65_536, 100_000, 131_072)


def words(g: Generator, count: int, most: int = 4) -> list[str]:
    """Draw words of one syllable or more, which need not all be different."""
    lengths = (g.whole(count, below=most) + 1).tolist()
    drawn = iter(g.whole(sum(lengths), below=len(SYLLABLES)).tolist())
    return ["".join(SYLLABLES[next(drawn)] for _ in range(length)) for length in lengths]


def zipf(g: Generator, vocabulary: list[str], count: int) -> list[str]:
    """Draw from a vocabulary, the n-th item with a frequency of 1/n."""
    heights = np.cumsum(1.0 / np.arange(1, len(vocabulary) + 1))
    places = np.searchsorted(heights[:-1], g.uniform(count, high=float(heights[-1])), side="right")
    return [vocabulary[place] for place in places.tolist()]


def prose(g: Generator, count: int) -> str:
    """Write so many words with blanks, punctuation, line breaks and numbers between them."""
    plain = words(g, 3000)
    vocabulary = [plain[k].title() if k % 5 == 2 else plain[k].upper() if k % 5 == 4 else plain[k] for k in range(3000)]
    drawn = zip(zipf(g, vocabulary, count), g.whole(count, below=len(BETWEEN)).tolist(), strict=True)
    return "".join(word + BETWEEN[between] for word, between in drawn)


def chosen(g: Generator, items: list[Any] | tuple[Any, ...] | str, count: int) -> list[Any]:
    """Draw so many items."""
    return [items[place] for place in g.whole(count, below=len(items)).tolist()]


class Learner:
    """Merges of made-up words. No two of them make the same bytes, as in any real vocabulary."""

    def __init__(self) -> None:
        self.ids: dict[tuple[int, int], int] = {}
        self.known: dict[str, int] = {}

    def pair(self, left: int, right: int) -> int:
        """Return the id of a merge, a new one if need be."""
        return self.ids.setdefault((left, right), 256 + len(self.ids))

    def word(self, text: str) -> int:
        """Return the id of a word: characters of bytes, syllables of two characters, halves of words."""
        if text not in self.known:
            half = 1 if len(text) < 3 else 2 ** (len(text) - 1).bit_length() // 2
            parts = text[:half], text[half:]
            self.known[text] = self.pair(*map(self.word, parts)) if parts[1] else self.row(text.encode())
        return self.known[text]

    def row(self, data: bytes) -> int:
        """Return the id of some bytes, one added to the other."""
        id, *rest = data
        for byte in rest:
            id = self.pair(id, byte)
        return id

    @property
    def merges(self) -> Merges:
        """The merges in the order of learning."""
        return [list(pair) for pair in self.ids]


@cache
def _vocabulary() -> tuple[list[str], Merges]:
    g, learner, kept = Generator(200_000), Learner(), list[str]()
    while len(learner.ids) < 199_744:
        kept += (some := words(g, 1000, most=5))
        for word in some:
            learner.word(word)
    return kept, learner.merges[:199_744]


def vocabulary(count: int) -> tuple[list[str], Merges]:
    """Return so many merges, at most 199,744, and the words that they make; the last words are made in part."""
    known, merges = _vocabulary()
    return known[: max(300, len(known) * count // len(merges))], merges[:count]


Rule = Callable[[Generator, str], dict[str, Any]]


def in_each_pattern(contract: str, clause: int, catches: str) -> Callable[[Rule], Rule]:
    """Return the decorator of a function from a generator and a pattern to the other inputs."""

    def keep(rule: Rule) -> Rule:
        for pattern in RULES:

            def made(g: Generator, pattern: str = pattern) -> dict[str, Any]:
                return rule(g, pattern) | {"pattern": pattern}

            made.__name__ = f"{rule.__name__}, {pattern}"
            LARGE(contract, clause=clause, catches=catches)(made)
        return rule

    return keep


def put_in(place: str, characters: Iterable[str]) -> str:
    """Put each of the characters into a text, in place of ¤."""
    return "".join(place.replace("¤", character) for character in characters)


# split_text


@in_each_pattern("tokenizer.split_text", 1, "a text cut into blocks before it is cut into pieces, places in 16 bits")
def a_long_text(g: Generator, pattern: str) -> dict[str, Any]:
    """A million bytes in one pattern; in the others still beyond 64 KiB."""
    return {"text": prose(g, 140_000 if pattern == "llama3" else 11_000)}


@in_each_pattern("tokenizer.split_text", 2, "a limit on the length of a piece, or a rule that gives up on long runs")
def long_runs(g: Generator, pattern: str) -> dict[str, Any]:
    """Runs of 70,000 in one pattern."""
    most = 70_000 if pattern == "o200k" else 9_000
    return {"text": "x".join(character * most for character in "é 7!\n\u0301") + "aA" * 900}


@in_each_pattern("tokenizer.split_text", 4, "a table of letters, numbers or marks that leaves out a script or a plane")
def every_run_of_a_category(g: Generator, pattern: str) -> dict[str, Any]:
    """The first and the last of all characters in a row that are of one category."""
    return {"text": put_in("¤ ¤¤a¤B¤¤1¤.¤ x\n", edges())}


@in_each_pattern(
    "tokenizer.split_text", 4, "a category taken for another beside letters, digits, apostrophes, line breaks"
)
def every_category_and_plane(g: Generator, pattern: str) -> dict[str, Any]:
    """In every neighbourhood that a rule asks for."""
    places = "¤\n¤¤\na¤b A¤¤B ¤a ¤A¤ 1¤2¤¤3 ¤ ¤¤ '¤ ¤'s ¤'S '¤¤' .¤. ¤\r\n ¤\n\n¤/¤ \t¤\u00a0¤¤¤¤1234¤5x¤¤¤¤ \n"
    return {"text": put_in(places, of_every_category())}


@in_each_pattern("tokenizer.split_text", 2, "a rule that looks at two characters only, alternatives in another order")
def all_kinds_in_any_order(g: Generator, pattern: str) -> dict[str, Any]:
    """Characters of all categories, and what the rules turn on."""
    drawn = zip(chosen(g, of_every_category(), 9000), chosen(g, TURNS, 9000), strict=True)
    return {"text": "".join(map("".join, drawn))}


@in_each_pattern("tokenizer.split_text", 10, "Python's or ASCII's white space; joiners and marks taken for white space")
def white_space_of_all_kinds(g: Generator, pattern: str) -> dict[str, Any]:
    """Every two of them."""
    return {"text": "".join(put_in(f"a{one}¤b¤{one}¤1¤!", SPACES + NO_SPACES) for one in SPACES + NO_SPACES)}


@in_each_pattern("tokenizer.split_text", 1, "halves of surrogate pairs lost, replaced or refused: a piece may hold one")
def halves_of_surrogate_pairs(g: Generator, pattern: str) -> dict[str, Any]:
    """One half, or both in the wrong order, or two that Python does not join."""
    return {"text": put_in("a¤b ¤ ¤¤1¤'s¤\n", map(chr, range(0xD800, 0xE000, 31))) + "\udfff\ud83d\ude00"}


# count_pairs and merge_pair


def near_borders() -> list[int]:
    """Return ids in a row whose pairs are told apart only by both ids in full, whatever number they are packed with."""
    rows = ((left, 5 + border, left + 1, 5, left + 1 + border, 5) for border in BORDERS for left in (1, 7))
    return [id for row in rows for id in (*row, row[2], row[1], 0)]


@LARGE("tokenizer.count_pairs", clause=2, catches="two ids packed into one number that is too small, ids in 16 bits")
def ids_beyond_every_border(g: Generator) -> dict[str, Any]:
    """Some pairs again and again, and many once."""
    some = chosen(g, [0, 1, 255, 256, 65_535, 65_536, 65_537, 131_072, 199_999], 20_000)
    return {"words": [near_borders(), some, g.whole(20_000, below=200_000).tolist()]}


@LARGE("tokenizer.count_pairs", clause=1, catches="counts in 16 bits, a run that is counted otherwise when it is long")
def seventy_thousand_times(g: Generator) -> dict[str, Any]:
    """In one word, and in many."""
    return {"words": [[97] * 70_001, [98, 99] * 70_000, *([100, 101] for _ in range(66_000))]}


@LARGE("tokenizer.count_pairs", clause=3, catches="a limit on the number of words, or equal words counted once")
def seventy_thousand_words(g: Generator) -> dict[str, Any]:
    """Frequent and rare ones."""
    return {"words": [list(word.encode()) for word in zipf(g, words(g, 9000), 40_000)] + [[k] for k in range(30_000)]}


@LARGE("tokenizer.merge_pair", clause=3, catches="ids compared by their last 8 or 16 bits, or by one packed number")
def neighbours_alike(g: Generator) -> dict[str, Any]:
    """Other pairs are (8, 5) too when packed or cut."""
    return {
        "word": near_borders() + chosen(g, [8, 5, 65_541, 65_544, 264, 261], 60_000),
        "pair": [8, 5],
        "new": 199_999,
    }


@LARGE("tokenizer.merge_pair", clause=2, catches="a long run replaced in blocks of its own, recursion")
def a_long_run(g: Generator) -> dict[str, Any]:
    """An odd number of equal ids, and others before and after."""
    return {"word": [5, *[150_000] * 131_075, 6, *[150_000] * 3], "pair": [150_000, 150_000], "new": 150_001}


@LARGE("tokenizer.merge_pair", clause=1, catches="places in 16 bits, a limit on the number of places")
def many_places(g: Generator) -> dict[str, Any]:
    """Bytes of which many are the pair."""
    return {"word": chosen(g, [97, 98, 98, 99, 300, 70_000], 80_000), "pair": [97, 98], "new": 300}


# train_bpe


@LARGE("tokenizer.train_bpe", clause=5, catches="counts that drift from merge to merge, ties among ids above 511")
def hundreds_of_merges(g: Generator) -> dict[str, Any]:
    """Words with a blank before them."""
    pieces = [f" {word}" for word in zipf(g, words(g, 400), 1100)]
    return {"pieces": pieces, "vocab_size": 256 + 300}


@LARGE(
    "tokenizer.train_bpe", clause=3, catches="counts in 8 or 16 bits, counts as 32-bit floats, a limit on the pieces"
)
def frequent_pairs(g: Generator) -> dict[str, Any]:
    """(a, b) stands 70,000 times, (c, d) 75,000 times; one piece is long, and there are many."""
    pieces = ["ab" * 30_000, *["ab", "cd"] * 40_000, "cd" * 35_000, *["ef"] * 36_000]
    return {"pieces": pieces, "vocab_size": 256 + 3}


@LARGE("tokenizer.train_bpe", clause=7, catches="a limit on the length of a token, or on the merges in one piece")
def a_token_of_hundreds_of_bytes(g: Generator) -> dict[str, Any]:
    """A piece that becomes one token, and the beginning of it."""
    long = "".join(words(g, 260))
    return {"pieces": [long, long, long[:300], "é" * 37], "vocab_size": 1500}


@LARGE(
    "tokenizer.train_bpe", clause=1, catches="characters normalized, dropped or ordered by code point while learning"
)
def characters_of_every_kind(g: Generator) -> dict[str, Any]:
    """Each before and after others, so that their first bytes are frequent."""
    pieces = [one + other for one, other in pairwise(chosen(g, of_every_category(), 1500))]
    return {"pieces": pieces, "vocab_size": 256 + 40}


# encode_bpe and decode_bpe


@LARGE(
    "tokenizer.encode_bpe", clause=2, catches="ids in 16 bits, a limit on the merges, a table of merges with collisions"
)
def hundred_thousand_merges(g: Generator) -> dict[str, Any]:
    """A few words, most of which are one token of the last third: who looks for every merge in every piece has time."""
    known, merges = vocabulary(100_000)
    some = chosen(g, known[-9000:], 300)
    found = {decode_bpe([id], merges).decode() for id in encode_bpe(some, merges) if id > 65_535}
    late = [word for word in some if word in found][:12]
    last = encode_bpe(late[:1], merges)[0]
    alike = [[ord("y"), last - 65_536], [ord("x"), last]]  # the same number when packed as left << 16 | right
    return {"pieces": [*late, late[0] + late[1], *some[:3], "x" + late[0]], "merges": merges + alike}


@LARGE("tokenizer.encode_bpe", clause=1, catches="a limit on the number of pieces, a cache of pieces that is full")
def seventy_thousand_pieces(g: Generator) -> dict[str, Any]:
    """Mostly of one character; some thousand different ones."""
    known, merges = vocabulary(40)
    return {"pieces": [*chosen(g, "abcdefgh\néß", 50_000), *known[:300], *words(g, 18_000)], "merges": merges}


@LARGE("tokenizer.encode_bpe", clause=3, catches="places in 16 bits, a long piece that is cut")
def a_piece_beyond_64_kib(g: Generator) -> dict[str, Any]:
    """In which little can be merged: over a border of 2 to the n, and everywhere."""
    text = "".join(chosen(g, "xyz", 66_000))
    for border in (512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536):
        text = f"{text[: border - 1]}ab{text[border + 1 :]}"
    return {"pieces": [text, "b" + "aab" * 20, text[:4097]], "merges": [[97, 98], [97, 256], [120, 256], [122, 258]]}


@LARGE("tokenizer.encode_bpe", clause=2, catches="another way for long pieces that gives other ids")
def a_long_piece_with_many_merges(g: Generator) -> dict[str, Any]:
    """Words without anything between them."""
    known, merges = vocabulary(3_000)
    return {"pieces": ["".join(chosen(g, known, 150)), "".join(chosen(g, known, 30)), "é" * 701], "merges": merges}


@LARGE("tokenizer.encode_bpe", clause=1, catches="characters normalized, replaced or dropped before they are bytes")
def pieces_of_every_kind(g: Generator) -> dict[str, Any]:
    """Characters of all kinds, alone and after others."""
    learner = Learner()
    for character in of_every_category()[::2]:
        learner.row(character.encode())
    return {"pieces": [*edges(), *map("".join, pairwise(of_every_category()))], "merges": learner.merges}


@LARGE(
    "tokenizer.decode_bpe", clause=1, catches="ids in 16 bits, a table of tokens that ends early or is packed too small"
)
def ids_to_200_000(g: Generator) -> dict[str, Any]:
    """From the whole range."""
    _, merges = vocabulary(199_744)
    return {
        "ids": [*g.whole(30_000, below=200_000).tolist(), 65_535, 65_536, 131_071, 131_072, 199_999],
        "merges": merges,
    }


@LARGE("tokenizer.decode_bpe", clause=2, catches="places of bytes in 16 bits, ids read in blocks")
def a_long_row_of_ids(g: Generator) -> dict[str, Any]:
    """More than 2 to the 16th, and bytes that are no UTF-8."""
    _, merges = vocabulary(2_000)
    return {"ids": g.whole(67_000, below=2_256).tolist(), "merges": merges}


@LARGE(
    "tokenizer.decode_bpe", clause=1, catches="the length of a token in 8 or 16 bits, a limit on how deep merges lie"
)
def long_tokens(g: Generator) -> dict[str, Any]:
    """Three hundred merges deep, and a token that doubles up to 2 to the 17th bytes."""
    deep = [[97, 97], *([256 + k, 98 + k % 20] for k in range(300))]
    doubled = [[99, 100], *([256 + len(deep) + k] * 2 for k in range(16))]
    return {
        "ids": [556, 256, 300, 256 + len(deep) + 16, 97, 256 + len(deep) + 7, 511, 512, 513],
        "merges": deep + doubled,
    }


@LARGE("tokenizer.decode_bpe", clause=2, catches="a byte order mark, a null byte or a character of a certain kind lost")
def bytes_of_every_kind(g: Generator) -> dict[str, Any]:
    """The bytes of characters of all kinds, then bytes by chance."""
    return {"ids": [*put_in("¤¤", edges()).encode(), *g.whole(9000, below=256).tolist()], "merges": []}


# split_special

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
    return "".join(
        f"{part}{name}" for part, name in zip(chosen(g, parts, count), chosen(g, special_tokens, count), strict=True)
    )


@LARGE(
    "tokenizer.split_special", clause=2, catches="a limit on the number of names, a shorter name before a longer one"
)
def hundreds_of_names(g: Generator) -> dict[str, Any]:
    """Names in which others begin, and broken ones."""
    special = chosen(g, names(400), 400)
    special = list(dict.fromkeys([*special, *names(400)[:350]]))
    parts = ["", "", " ", "<", "|>", "<|r", "x|>", "Some words. ", "<|r99", "\n"]
    return {"text": with_names(g, parts, special, 1200), "special_tokens": special}


@LARGE("tokenizer.split_special", clause=3, catches="a text read in blocks, so that a name across two is overlooked")
def names_across_blocks(g: Generator) -> dict[str, Any]:
    """Names over every border of 2 to the n, in bytes and in characters."""
    text = "".join(chosen(g, "abc <|>", 140_000))
    for border in (2**k for k in range(8, 18)):
        text = f"{text[: border - 3]}<|end|>{text[border + 4 :]}"
    return {"text": f"{text}{'é' * 60}<|end|>{'<|end|>' * 70}<|end", "special_tokens": ["<|end|>", "<|end"]}


@LARGE(
    "tokenizer.split_special", clause=4, catches="names or texts normalized, folded in case, stripped, or cut at a null"
)
def names_of_all_kinds(g: Generator) -> dict[str, Any]:
    """Beside what is the same in another normal form or case."""
    parts = [
        "", "e", "\u0301", "E\u0301", "ss", "s", "i\u0307", "fi", "\u200d", "\r", " ", "<x>", "<X>", "U",
        "\U0001f4bb",
    ]  # fmt: skip
    return {"text": with_names(g, parts, ODD_NAMES, 1500), "special_tokens": ODD_NAMES}


@LARGE("tokenizer.split_special", clause=2, catches="a limit on the length of a name")
def long_names(g: Generator) -> dict[str, Any]:
    """Each the beginning of the next."""
    long = "".join(words(g, 300))
    special = [long[:size] for size in (2, 15, 16, 17, 63, 64, 65, 127, 128, 255, 256, 257, 511, 600)]
    parts = ["", "", long[:1], long[:40], long[1:30], " "]
    return {"text": with_names(g, parts, special, 120), "special_tokens": special}


@LARGE("tokenizer.split_special", clause=1, catches="halves of surrogate pairs lost, replaced or refused")
def halves_in_a_text(g: Generator) -> dict[str, Any]:
    """Anywhere in the text."""
    return {
        "text": with_names(g, ["\ud800", "\udfff\ud83d", "\ude00", "a", "\x00"], NAMES, 300),
        "special_tokens": NAMES,
    }


# stream_decode


def cut(g: Generator, data: bytes) -> dict[str, Any]:
    """Cut bytes everywhere, into tokens of up to three bytes."""
    learner, ids, start = Learner(), list[int](), 0
    for length in (g.whole(len(data), below=3) + 1).tolist():
        ids += [learner.row(data[start : start + length])] if start < len(data) else []
        start += length
    return {"ids": ids, "merges": learner.merges}


@LARGE(
    "tokenizer.stream_decode",
    clause=2,
    catches="characters of a certain kind or plane lost or held back, a byte order mark",
)
def byte_by_byte(g: Generator) -> dict[str, Any]:
    """Every byte a token."""
    return {"ids": [*put_in("¤", edges()).encode(), *put_in("¤¤a", of_every_category()).encode()], "merges": []}


@LARGE("tokenizer.stream_decode", clause=2, catches="bytes of a long token lost, or a character in three tokens")
def cut_everywhere(g: Generator) -> dict[str, Any]:
    """Characters of all kinds in any order."""
    return cut(g, "".join(chosen(g, [*edges(), *of_every_category()], 1000)).encode())


@LARGE(
    "tokenizer.stream_decode", clause=4, catches="a first byte with a second one that cannot follow, whichever they are"
)
def every_two_bytes(g: Generator) -> dict[str, Any]:
    """All first bytes with all second ones."""
    return {
        "ids": [id for first, second in product(range(0xBE, 256), range(256)) for id in (first, second, 65)],
        "merges": [],
    }


@LARGE("tokenizer.stream_decode", clause=3, catches="one sign too many or too few for what is broken off")
def broken_bytes(g: Generator) -> dict[str, Any]:
    """Bytes that begin, continue and end characters in any order, cut everywhere."""
    border = [
        0, 65, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
        0xEF,
    ]  # fmt: skip
    border += [0x80, 0xBF, 0x80, 0xBF, 0xF0, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF, 0xED, 0xF0, 0x90, 0x80]
    return cut(g, bytes(chosen(g, border, 4000)))


@LARGE("tokenizer.stream_decode", clause=1, catches="ids in 16 bits")
def ids_to_70_000(g: Generator) -> dict[str, Any]:
    """Few of them, for who makes a table of all tokens for every id."""
    _, merges = vocabulary(70_000)
    return {"ids": g.whole(50, below=70_256).tolist(), "merges": merges}


# encode_chat


@LARGE("tokenizer.encode_chat", clause=5, catches="a limit on the messages or on the length of one")
def many_messages(g: Generator) -> dict[str, Any]:
    """And one of 70,000 bytes."""
    said = zipf(g, ["", " ", "\n", "<|im_end|>", "<|im_start|>system\n", *words(g, 500)], 600)
    roles = chosen(g, ["system", "user", "user", "assistant", "assistant"], 600)
    return {
        "messages": [list(pair) for pair in zip(roles, said, strict=True)]
        + [["assistant", prose(g, 9000)], ["user", "é"]]
    }


@LARGE(
    "tokenizer.encode_chat", clause=2, catches="content normalized, stripped of a kind of white space, cut at a null"
)
def content_of_every_kind(g: Generator) -> dict[str, Any]:
    """Characters of all kinds at both ends of a message, and within."""
    some = of_every_category()
    return {
        "messages": [[role, f"{c}{c}a{c}"] for role, c in zip(["user", "assistant"] * len(some), some, strict=False)]
    }


# round_trip


@in_each_pattern("tokenizer.round_trip", 2, "any step of a long text")
def prose_with_special_tokens(g: Generator, pattern: str) -> dict[str, Any]:
    """Everything at once."""
    _, merges = vocabulary(1_000)
    text = prose(g, 250)
    parts = [*(text[start : start + 60] for start in range(0, len(text), 60)), "", " ", "\n", "<|", "'s"]
    return {"text": with_names(g, parts, names(40), 80), "merges": merges, "special_tokens": names(40)}


@LARGE(
    "tokenizer.round_trip", clause=1, catches="ids of special tokens in 16 bits, or after a vocabulary of a fixed size"
)
def special_tokens_after_many_merges(g: Generator) -> dict[str, Any]:
    """Their ids are above 70,000."""
    known, merges = vocabulary(70_000)
    text = with_names(g, chosen(g, known[-4000:], 9), names(30), 9)
    return {"text": text, "pattern": "gpt2", "merges": merges, "special_tokens": names(30)}


@LARGE(
    "tokenizer.round_trip", clause=3, catches="a character of a certain kind normalized, lost or replaced on its way"
)
def all_kinds_there_and_back(g: Generator) -> dict[str, Any]:
    """The byte order mark first."""
    _, merges = vocabulary(300)
    text = "\ufeff" + put_in("¤a ¤¤ ", of_every_category()) + "\x00"
    return {"text": text, "pattern": "o200k", "merges": merges, "special_tokens": ["\x00<|a|>", "\ufeff\ufeff"]}
