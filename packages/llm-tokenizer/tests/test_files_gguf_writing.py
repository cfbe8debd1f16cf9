"""The vocabulary of a GGUF file: what is written is what comes back."""

import pytest
from small_files import CONTROL, PIECES, TEXT, TRAINED, gguf, model, published

from llm_tokenizer import (
    ByteTokenizer,
    CharacterTokenizer,
    PretrainedTokenizer,
    TokenizerError,
    load_tokenizer,
    train_bpe,
)
from llm_tokenizer.byte import BYTES
from llm_tokenizer.files.gguf_writing import CHATML, GgufVocabulary, no_vocabulary, vocabulary_entries

ENDS = GgufVocabulary(eos_token_id=0)


def written(tokenizer, tmp_path, size=None, vocabulary=ENDS):
    path = tmp_path / "vocabulary.gguf"
    path.write_bytes(gguf(vocabulary_entries(tokenizer, size or tokenizer.vocab_size, vocabulary)))
    return load_tokenizer(path)


@pytest.mark.parametrize("pattern", ["gpt2", "llama3", "qwen2", "smollm"])
def test_byte_pair_tokenizers_come_back(pattern, tmp_path):
    tokenizer = train_bpe([TEXT * 3], vocab_size=280, pattern=pattern, special_tokens=CONTROL)
    again = written(tokenizer, tmp_path)
    assert (again.tokens, again.merges, again.pattern) == (tokenizer.tokens, tokenizer.merges, pattern)
    assert again.special_tokens == tokenizer.special_tokens
    for text in (TEXT, "猫 1234567 don't", "<|im_end|>"):
        assert again.encode(text) == tokenizer.encode(text)


def test_published_tokenizers_come_back(tmp_path):
    tokenizer = published("smollm", visible_tokens=["<|im_start|>"])
    again = written(tokenizer, tmp_path)
    assert (again.tokens, again.merges, again.special_tokens) == (
        tokenizer.tokens,
        tokenizer.merges,
        tokenizer.special_tokens,
    )
    assert again.visible_tokens == {"<|im_start|>"}
    assert written(published("llama3", ignore_merges=True), tmp_path).ignore_merges


def test_sentencepiece_comes_back(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(model())
    tokenizer = load_tokenizer(tmp_path / "tokenizer.model")
    entries = vocabulary_entries(tokenizer, len(PIECES), ENDS)
    assert entries["tokenizer.ggml.tokens"] == [text for text, _, _ in PIECES]
    assert entries["tokenizer.ggml.scores"] == [score for _, score, _ in PIECES]
    assert entries["tokenizer.ggml.token_type"] == [kind for _, _, kind in PIECES]
    assert entries["tokenizer.ggml.unknown_token_id"] == 0
    again = written(tokenizer, tmp_path)
    assert again.encode(TEXT) == tokenizer.encode(TEXT)
    assert again.special_tokens == tokenizer.special_tokens


def test_bytes_come_back(tmp_path):
    tokenizer = ByteTokenizer()
    assert written(tokenizer, tmp_path).encode(TEXT) == tokenizer.encode(TEXT)


def test_ids_without_a_token_are_filled_up(tmp_path):
    entries = vocabulary_entries(TRAINED, 293, ENDS)
    assert entries["tokenizer.ggml.tokens"][290:] == ["[PAD290]", "[PAD291]", "[PAD292]"]
    assert entries["tokenizer.ggml.token_type"][289:] == [1, 5, 5, 5]
    assert written(TRAINED, tmp_path, 293).encode(TEXT) == TRAINED.encode(TEXT)


def test_special_ids_and_template():
    vocabulary = GgufVocabulary(
        bos_token_id=1, eos_token_id=[2, 0], pad_token_id=3, add_bos_token=True, chat_template=CHATML
    )
    entries = vocabulary_entries(TRAINED, 290, vocabulary)
    found = {key.removeprefix("tokenizer."): value for key, value in entries.items() if "ggml.t" not in key}
    del found["ggml.merges"]
    assert found == {
        "ggml.model": "gpt2", "ggml.pre": "gpt-2", "ggml.bos_token_id": 1, "ggml.eos_token_id": 2,
        "ggml.eot_token_id": 0, "ggml.padding_token_id": 3, "ggml.add_bos_token": True, "ggml.add_eos_token": False,
        "chat_template": CHATML,
    }  # fmt: skip
    assert no_vocabulary() == {"tokenizer.ggml.model": "none"}


def test_the_end_of_a_text_is_that_of_the_special_token():
    tokenizer = train_bpe([TEXT], vocab_size=260, special_tokens=["<|endoftext|>"])
    entries = vocabulary_entries(tokenizer, tokenizer.vocab_size, GgufVocabulary())
    assert entries["tokenizer.ggml.eos_token_id"] == tokenizer.special_tokens["<|endoftext|>"]


@pytest.mark.parametrize(
    ("tokenizer", "vocabulary", "words"),
    [
        (CharacterTokenizer("abc"), ENDS, "was CharacterTokenizer, which GGUF cannot hold; write a model folder"),
        (train_bpe([TEXT], vocab_size=260, pattern="cl100k"), ENDS, "its pattern must be one of gpt2, llama3"),
        (published(normalization="NFKC"), ENDS, "must not change a text, was one with NFKC; normalize"),
        (TRAINED, GgufVocabulary(), "eos_token_id: must be given for a tokenizer without <|endoftext|>"),
        (TRAINED, GgufVocabulary(eos_token_id=290), "eos_token_id: must be an id from 0 to 289, was 290"),
        (TRAINED, GgufVocabulary(eos_token_id=[1, 2, 3, 4]), "must be 1 to 3 ids, were 4"),
        (TRAINED, GgufVocabulary(eos_token_id=1, bos_token_id=-1), "bos_token_id: must be an id from 0"),
        (TRAINED, GgufVocabulary(eos_token_id=1, add_bos_token=True), "add_bos_token: must be False where there is no"),
        (train_bpe([TEXT], vocab_size=270, special_tokens=["a"]), ENDS, "text of its own in a GGUF file, but two have"),
    ],
)
def test_what_the_format_cannot_say_is_refused(tokenizer, vocabulary, words):
    with pytest.raises(TokenizerError) as caught:
        vocabulary_entries(tokenizer, max(290, tokenizer.vocab_size), vocabulary)
    assert words in str(caught.value)


def test_whole_pieces_are_refused_where_merges_do_not_lead_to_them():
    ids = dict(enumerate(BYTES)) | {256: b"xyz", 257: b"xy"}
    tokenizer = PretrainedTokenizer(ids, [(120, 121)], pattern="gpt2", special_tokens={}, ignore_merges=True)
    with pytest.raises(TokenizerError, match=r"merges must lead to every token .* but not to b'xyz'"):
        vocabulary_entries(tokenizer, 258, ENDS)
    led = PretrainedTokenizer(ids, [(120, 121), (257, 122)], pattern="gpt2", special_tokens={}, ignore_merges=True)
    assert vocabulary_entries(led, 258, ENDS)["tokenizer.ggml.merges"] == ["x y", "xy z"]


def test_a_tokenizer_that_is_larger_than_the_model_is_refused():
    with pytest.raises(TokenizerError, match="must have at most 289 ids, as many as the model, but has 290"):
        vocabulary_entries(TRAINED, 289, ENDS)
