"""Texts that break tokenizers: whatever the vocabulary, they come back whole and bring no control id."""

import pytest
from small_files import CONTROL, TRAINED, model, published

from llm_tokenizer import ByteTokenizer, IncrementalDecoder, TokenizerError, load_tokenizer, train_bpe
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.files.tiktoken import Encoding, load_tiktoken, save_tiktoken
from llm_tokenizer.reference.byte_pair import encode_bpe
from llm_tokenizer.reference.cutting import split_text
from llm_tokenizer.spec.torture import has_surrogates, recorded_ids, torture_texts

TEXTS = {name: text for name, text in torture_texts().items() if not has_surrogates(text)}
BROKEN = {name: text for name, text in torture_texts().items() if has_surrogates(text)}
TOKENIZERS = {
    "bytes": ByteTokenizer(CONTROL),
    "published": published(),
    **{
        pattern: train_bpe(TEXTS.values(), vocab_size=1000, pattern=pattern, special_tokens=CONTROL)
        for pattern in PATTERNS
    },
}


def test_there_is_something_of_everything():
    every = set("".join(TEXTS.values()))
    assert {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} <= every
    assert sum(name.startswith("script: ") for name in TEXTS) >= 30
    assert sum(name.startswith("run: ") for name in TEXTS) >= 30
    assert len(BROKEN) == 3


@pytest.mark.parametrize("name", TOKENIZERS)
def test_every_text_comes_back(name):
    tokenizer = TOKENIZERS[name]
    control = set(tokenizer.special_tokens.values())
    for text in TEXTS.values():
        for allowed in ((), "all", ["<|im_start|>"]):
            ids = tokenizer.encode(text, allowed_special=allowed)
            assert tokenizer.decode(ids) == text
            assert allowed or not control & set(ids)
        decoder = IncrementalDecoder(tokenizer)
        assert "".join(map(decoder.feed, ids)) + decoder.finish() == text


@pytest.mark.parametrize("name", TOKENIZERS)
def test_half_a_surrogate_pair_is_refused(name):
    for text in BROKEN.values():
        with pytest.raises(TokenizerError, match=r"text: character \d is U\+D[8E][03][0D], half of a surrogate pair"):
            TOKENIZERS[name].encode(text)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_reference_gives_the_same_ids(pattern):
    tokenizer = TOKENIZERS[pattern]
    merges = [list(pair) for pair in tokenizer.merges]
    for text in TEXTS.values():
        pieces = split_text(text, pattern)
        if len(text) <= 120:
            assert tokenizer.encode(text) == encode_bpe(pieces, merges)
        assert "".join(pieces) == text
        assert PATTERNS[pattern].pre_tokens(text) == pieces


def test_a_rank_file_gives_the_same_ids(tmp_path):
    path = save_tiktoken(TRAINED, tmp_path / "trained.tiktoken")
    again = load_tiktoken(path, Encoding(pattern="gpt2"))
    for text in TEXTS.values():
        assert again.encode(text) == TRAINED.encode(text)


def test_sentencepiece_brings_every_text_back(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(model())
    tokenizer = load_tokenizer(tmp_path)
    for text in TEXTS.values():
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text.replace("▁", " ")  # the format takes the two for one
        assert not {0, 1, 2} & set(ids)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xed\xa0\xbd", "\ufffd\ufffd\ufffd"),  # half a surrogate pair
        (b"\xc0\x80", "\ufffd\ufffd"),  # NUL in two bytes
        (b"\xf5\x80\x80\x80", "\ufffd" * 4),  # beyond the last character
        (b"\xe2\x82", "\ufffd"),  # a character without its end
        (b"a\x80b\xff", "a\ufffdb\ufffd"),
        (bytes(range(0x80, 0x100)), bytes(range(0x80, 0x100)).decode("utf-8", "replace")),
    ],
)
@pytest.mark.parametrize("name", ["bytes", "published", "gpt2"])
def test_bytes_that_are_no_text_are_shown_as_such(name, data, text):
    tokenizer = TOKENIZERS[name]
    id_of = {tokenizer.token_bytes(id): id for id in range(tokenizer.vocab_size)}
    ids = [id_of[bytes([byte])] for byte in data]
    assert tokenizer.decode_bytes(ids) == data
    assert tokenizer.decode(ids) == text


def test_the_record_is_whole():
    assert list(recorded_ids()) == ["gpt2", "cl100k_base", "o200k_base", "llama3", "qwen3", "smollm2", "mistral"]
    for name, recorded in recorded_ids().items():
        assert list(recorded.plain) == list(torture_texts())
        refused = {text for text, ids in recorded.plain.items() if ids is None}
        assert refused >= BROKEN.keys()
        assert name == "smollm2" or refused == BROKEN.keys()
        assert (recorded.special is None) == (name == "mistral")
