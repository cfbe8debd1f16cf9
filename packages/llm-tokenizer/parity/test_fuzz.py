"""More than a hundred thousand random strings: the fast way has the ids of the clear one, and both the library's."""

from __future__ import annotations

import random
import sys

import pytest
from comparing import quickest
from oracles import ALL, oracle
from record_torture import MISSING_BYTES
from unicode_tables import differing
from vocabularies import folder

from llm_tokenizer import TokenizerError, load_tokenizer, train_bpe
from llm_tokenizer.bpe.fast import FastDecoder, FastEncoder
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.spec.torture import has_surrogates, torture_texts

STRINGS = 20_000  # for each of the six patterns
AGAINST_LIBRARIES = 5_000  # for each vocabulary
TEXTS = [text for text in torture_texts().values() if text and not has_surrogates(text)]
TURNING = [
    *"'sStTdDmMlLrReEvV019 \t\r\n/.,!-_",
    "'ll",
    "'ſ",
    "\r\n",
    "  ",
    "\u0301",
    "\u00a0",
    "\u3000",
    "½",
    "ǅ",
    "漢",
]


def random_strings(count, seed):
    """Pieces out of the torture texts, the characters on which the rules turn, and any others of Unicode."""
    chance = random.Random(seed)
    for _ in range(count):
        yield "".join(_some(chance) for _ in range(chance.randrange(1, 10)))


def _some(chance):
    kind = chance.random()
    if kind < 0.5:
        return chance.choice(TURNING)
    if kind < 0.9:
        text = chance.choice(TEXTS)
        start = chance.randrange(len(text))
        return text[start : start + chance.randrange(1, 20)]
    code = chance.randrange(chance.choice((0x80, 0x800, 0x10000, 0x20000, sys.maxunicode + 1)))
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_fast_way_has_the_ids_of_the_clear_one(pattern):
    tokenizer = train_bpe(TEXTS, vocab_size=1500, pattern=pattern)
    encoder, decoder = FastEncoder(tokenizer), FastDecoder(tokenizer)
    for text in random_strings(STRINGS, seed=pattern):
        ids = tokenizer.encode(text)
        assert encoder.encode(text).tolist() == ids, repr(text)
        assert decoder.decode(ids) == text


@pytest.mark.parametrize("name", ALL)
def test_the_library_has_the_same_ids(name):
    theirs = oracle(name, folder())
    clear = load_tokenizer(theirs.ours)
    encode, way = quickest(clear)
    pattern = getattr(clear, "pattern", None)
    unlike = differing(theirs.library, pattern, normalizes=getattr(clear, "normalization", None) is not None)
    missing = MISSING_BYTES.get(name, set())
    compared = 0
    for text in random_strings(AGAINST_LIBRARIES, seed=name):
        if not unlike.isdisjoint(text):
            continue
        if not missing.isdisjoint(text.encode()):
            with pytest.raises(TokenizerError, match="no token for the byte"):
                clear.encode(text)
            continue
        ids = clear.encode(text)
        compared += 1
        assert ids == theirs.plain(text), repr(text)
        if way == "fast":
            assert encode(text) == ids, repr(text)
    assert compared > AGAINST_LIBRARIES / 2
