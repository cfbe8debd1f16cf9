"""Large cases of the way from text to ids and back."""

from __future__ import annotations

from itertools import pairwise

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_tokenizer.reference.cutting import RULES
from llm_tokenizer.spec.large.characters import of_every_category, put_in
from llm_tokenizer.spec.large.special import names, with_names
from llm_tokenizer.spec.large.texts import chosen, prose
from llm_tokenizer.spec.large.vocabulary import vocabulary

LARGE = LargeCases()
large = LARGE.of("tokenizer.round_trip")

for _pattern in RULES:

    @large(2, "any step of a long text", f"prose_with_special_tokens, {_pattern}")
    def prose_with_special_tokens(g: Generator, pattern: str = _pattern) -> Inputs:
        """Everything at once."""
        _, merges = vocabulary(1_000)
        text = prose(g, 250)
        parts = [*(text[start : start + 60] for start in range(0, len(text), 60)), "", " ", "\n", "<|", "'s"]
        text = with_names(g, parts, names(40), 80)
        return {"text": text, "pattern": pattern, "merges": merges, "special_tokens": names(40)}


@large(1, "ids of special tokens in 16 bits, or after a vocabulary of a fixed size")
def special_tokens_after_many_merges(g: Generator) -> Inputs:
    """Their ids are above 70,000."""
    known, merges = vocabulary(70_000)
    text = with_names(g, chosen(g, known[-4000:], 9), names(1_100)[-60:], 9)
    return {"text": text, "pattern": "gpt2", "merges": merges, "special_tokens": names(1_100)}


@large(3, "a character of a certain kind normalized, lost or replaced on its way")
def all_kinds_there_and_back(g: Generator) -> Inputs:
    """The byte order mark first."""
    _, merges = vocabulary(300)
    text = "\ufeff" + put_in("¤a ¤¤ ", of_every_category()) + "\x00"
    return {"text": text, "pattern": "o200k", "merges": merges, "special_tokens": ["\x00<|a|>", "\ufeff\ufeff"]}


for _pattern in RULES:

    @large(1, "another pattern than the one that is named", f"endings_and_capitals, {_pattern}")
    def endings_and_capitals(g: Generator, pattern: str = _pattern) -> Inputs:
        """Merges over the places at which one pattern cuts and another does not; spaces before punctuation."""
        text = "Hello . Don't, we'LL see ! HelloWorld 12345 x/y?\r\n  n't ve ' s A.B ...\n\n/ end , it 's"
        merges = [[ord(one), ord(other)] for one, other in pairwise(text)]
        merges = [list(pair) for pair in dict.fromkeys(map(tuple, merges))]
        return {"text": text, "pattern": pattern, "merges": merges, "special_tokens": []}


@large(1, "ids of merges in 16 bits")
def a_merge_beyond_16_bits(g: Generator) -> Inputs:
    """The last of more than 2 to the 16th."""
    known, merges = vocabulary(2**16)
    merges = [*(merge for merge in merges if merge != [120, 121]), [120, 121]]
    return {"text": f"xy {known[-1]}", "pattern": "gpt2", "merges": merges, "special_tokens": []}


for _name, _text, _special in (
    ("names_in_another_case", "<|END|>x<|End|>", ["<|end|>"]),
    ("names_that_overlap", "abcd", ["ab", "bcd"]),
):

    @large(1, "names found in any case, or a longer one before an earlier one", _name)
    def names_that_are_none(g: Generator, text: str = _text, special: list[str] = _special) -> Inputs:
        """Special tokens are found from left to right, as they are written."""
        return {"text": text, "pattern": "gpt2", "merges": [], "special_tokens": special}


@large(2, "a text split in blocks of so many characters")
def pairs_over_borders(g: Generator) -> Inputs:
    """In one piece."""
    text = "x" * 10_100
    for border in (1_000, 1_024, 2_048, 4_096, 5_000, 8_192, 10_000):
        text = f"{text[: border - 1]}ab{text[border + 1 :]}"
    return {"text": text, "pattern": "gpt2", "merges": [[97, 98]], "special_tokens": []}


@large(2, "a piece that is a token taken at once")
def a_token_that_merges_never_reach(g: Generator) -> Inputs:
    """The token "abc" is made of "bc", which "ab" comes before."""
    merges = [[97, 98], [98, 99], [97, 257]]
    return {"text": "abc", "pattern": "gpt2", "merges": merges, "special_tokens": []}
