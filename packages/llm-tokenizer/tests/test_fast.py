"""The fast paths return what the clear ones return: pre-tokens, ids, texts and merges."""

import os
import random
import re
import subprocess
import sys
import tomllib
from collections import Counter
from itertools import accumulate, pairwise
from pathlib import Path

import fast_contracts
import numpy as np
import pytest
import regex
from small_files import model

import llm_tokenizer
from llm_tokenizer import BytePairTokenizer, TokenizerError
from llm_tokenizer.bpe import fast
from llm_tokenizer.bpe.encoding import encode_pre_token
from llm_tokenizer.bpe.fast import FastDecoder, FastEncoder, characters, compiling, id_cache
from llm_tokenizer.bpe.fast.blocks import blocks, groups
from llm_tokenizer.bpe.fast.edges import RULES, WHOLE
from llm_tokenizer.bpe.fast.instructions import padded
from llm_tokenizer.bpe.fast.merging import WINDOW
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.bpe.training import learn_merges
from llm_tokenizer.commands.main import main
from llm_tokenizer.conformance import Implementation
from llm_tokenizer.conformance.harness import PASS, check_implementation
from llm_tokenizer.spec import SPECIFICATION

TURNING = [*"abzAZ'’sStTlLdDmMrRvVeE019 \n\r\t\x0b\x1c\x1f/!.-_ª\u00a0\u0085\u2028\u3000\u180e\u200b\ufeff\x00\x7f"]
TURNING += [
    *"ſKÀßİǅʰ漢かٱ٣½Ⅷ๐𝔸𝟘👩\u0301\u200d\u0e31\U000e0100\U0010ffff\ue000",
    "'ll",
    "'LL",
    "'ſ",
    "\r\n",
    "  ",
    "   ",
]
TURNING += [
    "some",
    "Words",
    "lengthy",
    "fifteenletters!",
    "sixteen letters",
    "internationalization",
    "ÄÖÜ",
    "слово",
    "١٢٣",
]
KINDS = {
    characters.LETTER: r"\p{L}",
    characters.NUMBER: r"\p{N}",
    characters.SPACE: r"\s",
    characters.NEWLINE: r"[\r\n]",
    characters.OTHER: r"[^\s\p{L}\p{N}]",
    characters.UPPER: r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]",
    characters.LOWER: r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]",
    characters.SLASH: "/",
}


def random_texts(count, seed):
    """Texts of characters on which the rules turn, mixed with any character of Unicode."""
    source = random.Random(seed)
    for _ in range(count):
        yield "".join(
            source.choice(TURNING) if source.random() < 0.9 else any_character(source)
            for _ in range(source.randrange(1, 14))
        )


def any_character(source):
    code = source.choice((0x80, 0x800, 0x10000, 0x20000, sys.maxunicode + 1))
    code = source.randrange(code)
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


@pytest.mark.parametrize("kind", KINDS)
def test_every_character_is_of_the_kinds_that_regex_says(kind):
    matches = regex.compile(KINDS[kind]).match
    kinds = characters.kinds_of_characters().tolist()
    for code in range(sys.maxunicode + 1):
        if not 0xD800 <= code < 0xE000:  # no UTF-8 holds half of a surrogate pair
            assert bool(kinds[code] & kind) == (matches(chr(code)) is not None), hex(code)


@pytest.mark.parametrize("name", PATTERNS)
def test_twenty_thousand_texts_of_each_pattern_are_split_alike(name):
    find, rule, kinds = PATTERNS[name].pre_tokens, RULES[name], characters.kinds_of_characters()
    for text in random_texts(20_000, seed=name):
        data = text.encode()
        expected = list(accumulate(len(piece.encode()) for piece in find(text)))
        assert fast_contracts.find_edges(padded(data), len(data), rule, kinds).tolist() == expected, repr(text)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_text_is_cut_into_blocks_only_between_pieces(name):
    for text in random_texts(300, seed=f"blocks {name}"):
        text *= 3
        found = list(blocks(text, size=4))
        assert "".join(found) == text
        split = [pre_token for block in found for pre_token in fast_contracts.split_text(block, name)]
        assert split == PATTERNS[name].pre_tokens(text)


def test_a_text_without_a_place_to_cut_is_one_block():
    assert list(blocks("x" * 50, size=4)) == ["x" * 50]
    assert list(blocks("", size=4)) == [""]


@pytest.mark.parametrize("name", ["split_text", "train_bpe", "encode_bpe", "decode_bpe"])
def test_the_fast_paths_keep_the_contracts(name):
    (verdict,) = check_implementation(
        SPECIFICATION, Implementation(fast_contracts), keyword=f"tokenizer.{name}"
    ).verdicts
    assert verdict.status == PASS, verdict.failures


@pytest.fixture(scope="module")
def merges():
    texts = list(random_texts(3000, seed="to learn from"))
    return llm_tokenizer.train_bpe(texts, vocab_size=900).merges


@pytest.mark.parametrize("name", PATTERNS)
def test_ids_are_the_same_and_become_the_text_again(name, merges):
    tokenizer = BytePairTokenizer(merges, pattern=name)
    encoder, decoder = FastEncoder(tokenizer), FastDecoder(tokenizer)
    for text in random_texts(3000, seed=f"ids {name}"):
        ids = encoder.encode(text)
        assert ids.dtype == np.int32
        assert ids.tolist() == tokenizer.encode(text), repr(text)
        assert decoder.decode(ids) == text


@pytest.mark.parametrize("length", [14, 15, 16, 62, 63, 64, 99, 100, 101, 1000, 40_000])
@pytest.mark.parametrize("letters", ["a", "ab", "aab", "abcde", "слово", "漢"])
def test_long_pieces(letters, length, merges):
    source = random.Random(length)
    tokenizer = BytePairTokenizer(merges)
    counts = Counter([letters * 500, "".join(source.choices(letters, k=3000))])
    for one in (tokenizer, BytePairTokenizer(learn_merges(counts, 40))):
        encoder = FastEncoder(one)
        for text in (letters * length)[:length], "".join(source.choices(letters, k=length)):
            for _ in range(2):  # merged, then remembered
                assert encoder.encode(text).tolist() == one.encode(text)


def chain(length):
    """Bytes and merges of which each pair shuts out the one before it: how they begin depends on where they end.

    A link is two bytes that are merged first. Of the pairs of links the last one was learned first.
    """
    pairs = [(100 + k // 100, k % 100) for k in range(length)]
    links = [256 + k for k in range(length)]
    merges = [*pairs, *reversed([*pairwise(links)])]
    return bytes(byte for pair in pairs for byte in pair), merges


@pytest.mark.parametrize(("links", "seen"), [(20, 10), (21, 10), (1000, 500), (1000, 501), (1001, 500), (1001, 501)])
def test_windows_that_do_not_agree_are_merged_as_a_whole(links, seen):
    data, merges = chain(links)
    data = b"z" * (WINDOW - 2 * seen) + data + b"z" * WINDOW
    tokenizer = BytePairTokenizer(merges)
    assert FastEncoder(tokenizer).encode_bytes(data, WHOLE).tolist() == encode_pre_token(data, tokenizer.rank_of)


def test_tokens_longer_than_a_window():
    tokenizer = BytePairTokenizer([(97, 97), *((256 + k, 256 + k) for k in range(15))])
    data = b"b" + b"a" * (3 << 16) + b"ba"
    assert FastEncoder(tokenizer).encode_bytes(data, WHOLE).tolist() == [98, 271, 271, 271, 98, 97]


def test_a_memory_that_is_too_small_changes_nothing(merges, monkeypatch):
    monkeypatch.setattr(id_cache, "SHORT_SLOTS", 8)
    monkeypatch.setattr(id_cache, "LONG_SLOTS", 8)
    tokenizer = BytePairTokenizer(merges)
    encoder = FastEncoder(tokenizer)
    text = "".join(random_texts(3000, seed="memory"))
    assert encoder.encode(text).tolist() == encoder.encode(text).tolist() == tokenizer.encode(text)


def test_threads_share_an_encoder(merges):
    tokenizer = BytePairTokenizer(merges)
    encoder = FastEncoder(tokenizer)
    texts = ["".join(random_texts(200, seed=f"thread {k}")) * (1, 1, 2, 300)[k % 4] for k in range(40)] + ["", "a", ""]
    assert 1 < len(list(groups(texts))) < len(texts)
    one, two = encoder.encode_batch(texts), encoder.encode_batch(iter(texts), threads=2)
    assert [ids.tolist() for ids in one] == [ids.tolist() for ids in two] == [*map(tokenizer.encode, texts)]
    assert encoder.encode("").tolist() == []
    assert encoder.encode_batch([]) == encoder.encode_batch([], threads=2) == []
    with pytest.raises(TokenizerError, match="character 1 is U\\+D800"):
        encoder.encode_batch(["a\ud800", *texts], threads=2)


def test_texts_are_grouped_in_order():
    texts = ["", "ab", "c" * 300, "d", "e" * 100, "f"]
    assert [*groups(texts, size=250)] == [["", "ab"], ["c" * 300], ["d", "e" * 100], ["f"]]
    with pytest.raises(TokenizerError, match=r"texts\[1\]: must be a string, was int"):
        [*groups(["a", 1])]


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("vocab_size", [258, 700, 1500])
def test_the_same_merges_are_learned(name, vocab_size):
    texts = [*random_texts(4000, seed="training"), "aaaa aaaaa aaa" * 50, "long" * 5000, ""]
    settings = {"vocab_size": vocab_size, "pattern": name, "special_tokens": ["<|endoftext|>", "Words"]}
    slow, quick = llm_tokenizer.train_bpe(texts, **settings), fast.train_bpe(iter(texts), **settings)
    assert quick.merges == slow.merges
    assert (quick.pattern, quick.special_tokens) == (slow.pattern, slow.special_tokens)


def test_training_stops_at_the_min_frequency(merges):
    texts = list(random_texts(2000, seed="rare"))
    settings = {"vocab_size": 5000, "min_frequency": 20, "allow_smaller": True}
    with pytest.warns(llm_tokenizer.bpe.training.EarlyStop):
        slow = llm_tokenizer.train_bpe(texts, **settings)
    with pytest.warns(llm_tokenizer.bpe.training.EarlyStop):
        assert fast.train_bpe(texts, **settings).merges == slow.merges


def test_the_command_trains_the_same_tokenizer_with_fast(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("".join(random_texts(500, seed="command")).replace("\0", ""), encoding="utf-8", newline="")
    train = ["train", str(text), "--vocab-size", "400", "--special-token", "Words", "--output"]
    assert main([*train, str(tmp_path / "clear")]) == main([*train, str(tmp_path / "fast"), "--fast"]) == 0
    clear, compiled_one = (tmp_path / name / "tokenizer.json" for name in ("clear", "fast"))
    assert clear.read_bytes() == compiled_one.read_bytes()
    for option in (["--processes", "2"], ["--max-unique-pre-tokens", "9"]):
        assert main([*train, str(tmp_path / "other"), "--fast", *option]) == 2
        assert f"--fast: cannot be combined with {option[0]}" in capsys.readouterr().err


def test_the_command_says_what_fast_needs(tmp_path, capsys, monkeypatch):
    (tmp_path / "text.txt").write_text("abc", encoding="utf-8")
    for name in [name for name in sys.modules if name.startswith("llm_tokenizer.bpe.fast")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(llm_tokenizer.bpe, "fast")
    monkeypatch.setitem(sys.modules, "numba", None)
    assert main(["train", str(tmp_path / "text.txt"), "--output", str(tmp_path / "out"), "--fast"]) == 2
    needed = "--fast: llm_tokenizer.bpe.fast needs numba, which is not installed: run `pip install"
    assert needed in capsys.readouterr().err


def test_what_the_compiled_decoder_does_not_do_is_refused(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(model())
    with pytest.raises(TokenizerError, match="tokenizer: must not put a space before a text"):
        FastDecoder(llm_tokenizer.load_tokenizer(tmp_path))
    (tmp_path / "tokenizer_config.json").write_text('{"add_prefix_space": false}')
    bare = llm_tokenizer.load_tokenizer(tmp_path)
    assert FastDecoder(bare).decode(bare.encode(" the cat")) == " the cat"


def test_texts_and_threads_are_checked():
    encoder = FastEncoder(BytePairTokenizer([]))
    for call, message in (
        (lambda: encoder.encode_batch("the cat"), "texts: must be a collection of texts, was one string"),
        (lambda: encoder.encode_batch(["a", b"b"]), r"texts\[1\]: must be a string, was bytes"),
        (lambda: encoder.encode_batch(["a"], threads=0), "threads: must be a whole number of at least 1"),
        (lambda: fast.train_bpe([b"abc"], vocab_size=257), r"texts\[0\]: must be a string, was bytes"),
        (lambda: fast.train_bpe(5, vocab_size=257), "texts: must be a collection of texts, was 5"),
    ):
        with pytest.raises(TokenizerError, match=message):
            call()


def test_special_tokens_are_decoded():
    tokenizer = BytePairTokenizer([(97, 98)], special_tokens=["<|endoftext|>"])
    assert FastDecoder(tokenizer).decode([256, 257, 99]) == "ab<|endoftext|>c"
    assert FastDecoder(tokenizer).decode(np.array([0xC3, 0x28], np.uint16)) == tokenizer.decode([0xC3, 0x28])
    assert FastDecoder(tokenizer).decode_bytes([]) == b""


def published(merges, name, **settings):
    """The same vocabulary with other ids, as a published one has them."""
    ours = BytePairTokenizer(merges)
    ids = random.Random(1).sample(range(1000), ours.vocab_size)
    tokens = {ids[number]: token for number, token in ours.tokens.items()}
    pairs = [(ids[left], ids[right]) for left, right in merges]
    return PretrainedTokenizer(tokens, pairs, pattern=name, special_tokens={"<|endoftext|>": 1000}, **settings)


@pytest.mark.parametrize("ignore_merges", [False, True])
def test_published_ids(merges, ignore_merges):
    tokenizer = published(merges, "o200k", ignore_merges=ignore_merges)
    encoder, decoder = FastEncoder(tokenizer), FastDecoder(tokenizer)
    for text in random_texts(1000, seed="published"):
        ids = encoder.encode(text)
        assert ids.tolist() == tokenizer.encode(text) == tokenizer.encode_to_array(text).tolist()
        assert decoder.decode(ids) == tokenizer.decode(ids) == text
    for decode in (decoder.decode, tokenizer.decode):
        with pytest.raises(TokenizerError, match=r"ids\[1\]: must be"):
            decode(np.array([1000, next(id for id in range(1000) if id not in tokenizer.tokens)]))


def test_what_the_fast_encoder_does_not_do_is_refused(merges):
    with pytest.raises(TokenizerError, match="must not normalize"):
        FastEncoder(published(merges, "gpt2", normalization="NFC"))
    with pytest.raises(TokenizerError, match="a token for each of the 256 bytes"):
        FastEncoder(PretrainedTokenizer({0: b"a"}, [], pattern="gpt2", special_tokens={}))
    tokens = {byte: bytes([byte]) for byte in range(256)} | {256: b"abc"}
    with pytest.raises(TokenizerError, match="merges must make each of its tokens, not so b'abc'"):
        FastEncoder(PretrainedTokenizer(tokens, [], pattern="gpt2", special_tokens={}, ignore_merges=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FastEncoder("gpt2"), "tokenizer: must be a BytePairTokenizer or PretrainedTokenizer, was str"),
        (lambda: FastEncoder(BytePairTokenizer([])).encode(b"a"), "text: must be a string, was bytes"),
        (lambda: FastEncoder(BytePairTokenizer([])).encode("a\ud800"), "character 1 is U\\+D800"),
        (lambda: FastDecoder(BytePairTokenizer([])).decode([1, -1]), r"ids\[1\]: must be .* from 0 to 255, was -1"),
        (lambda: FastDecoder(BytePairTokenizer([])).decode([1, 256]), r"ids\[1\]: .* was 256"),
        (lambda: FastDecoder(BytePairTokenizer([])).decode([1.5]), "ids: must be a row of whole numbers"),
        (lambda: fast.train_bpe("abc", vocab_size=257), "texts: must be a collection of texts"),
        (lambda: fast.train_bpe(["abc"], vocab_size=255), "vocab_size: must be a whole number of at least 256"),
        (lambda: fast.train_bpe(["abc"], vocab_size=999), "vocab_size: these texts allow at most 258 tokens"),
        (lambda: fast.train_bpe(["abc"], vocab_size=257, pattern="gpt3"), "pattern: must be one of"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(TokenizerError, match=message):
        call()


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | environment
    )


def test_numba_is_imported_only_by_the_fast_paths():
    use = "import sys, llm_tokenizer; llm_tokenizer.train_bpe(['ab'], vocab_size=257).encode_to_array('ab')"
    assert run_python(f"{use}; print('numba' in sys.modules)").stdout == "False\n"


def test_a_missing_numba_is_named():
    code = """
import sys; sys.modules["numba"] = None
try:
    import llm_tokenizer.bpe.fast
except ModuleNotFoundError as error:
    print(error.name, error)
"""
    needed = f'needs numba, which is not installed: run `pip install "numba=={compiling.TESTED}.*"`, or use'
    assert run_python(code).stdout.startswith(f"numba llm_tokenizer.bpe.fast {needed}")


def test_an_untested_version_of_numba_is_warned_of():
    compiling.check_version(f"{compiling.TESTED}.99")
    for version in ("0.67.0", "0.69.0", "1.0"):
        with pytest.warns(RuntimeWarning, match=f"tested with numba .*, but {version} is installed"):
            compiling.check_version(version)


def test_the_extra_allows_the_tested_version_of_numba_only():
    major, minor = map(int, compiling.TESTED.split("."))
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["fast"] == [f"numba>={major}.{minor},<{major}.{minor + 1}"]


def test_without_a_folder_for_the_cache_it_works_with_a_warning():
    code = """
import llm_tokenizer, warnings
from llm_tokenizer.bpe.fast.compiling import entry
@entry
def double(x):
    return 2 * x
print(double(4))
"""
    where = {"NUMBA_CACHE_DIR": os.devnull, "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    run = run_python(code, **where)
    assert run.stdout == "8\n"
    assert "compiled again in each process" in run.stderr


def test_only_documented_names_of_numba_are_used():
    for path in Path(fast.__file__).parent.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not re.findall(r"(?<!self)\._[a-z]", source), path.name
        for module in re.findall(r"\b(?:numba|llvmlite)(?:\.\w+)*", source):
            allowed = ("numba", "numba.njit", "numba.extending", "numba.extending.register_jitable", "llvmlite")
            assert module in (*allowed, "numba.__version__"), f"{path.name}: {module}"


@pytest.mark.parametrize("name", PATTERNS)
def test_arrays_without_numba(name, merges):
    tokenizer = BytePairTokenizer(merges, pattern=name, special_tokens=["<|endoftext|>"])
    for text in random_texts(300, seed=f"arrays {name}"):
        ids = tokenizer.encode_to_array(text)
        assert ids.dtype == np.int32
        assert ids.tolist() == tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
    long = "".join(random_texts(9000, seed="long"))
    assert tokenizer.decode(tokenizer.encode_to_array(long)) == long
    assert tokenizer.decode(np.array([tokenizer.special_tokens["<|endoftext|>"], 65], np.uint16)) == "<|endoftext|>A"
    with pytest.raises(TokenizerError, match=r"ids\[1\]: must be a whole number from 0 to 900"):
        tokenizer.decode(np.array([1, -1]))
