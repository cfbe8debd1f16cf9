"""Formats of published models: what they say, and that they come back."""

import json

import pytest
from small_files import CONTROL, TEXT, TRAINED, byte_level_entries, gguf, model, published

from llm_tokenizer import (
    BytePairTokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    PretrainedTokenizer,
    Tokenizer,
    TokenizerError,
    load_tokenizer,
    save_tokenizer,
    train_bpe,
)
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.byte import BYTES
from llm_tokenizer.files.gpt2 import load_gpt2, save_gpt2
from llm_tokenizer.files.huggingface_writing import END_OF_TEXT, to_hugging_face
from llm_tokenizer.files.sentencepiece import save_sentencepiece
from llm_tokenizer.files.tiktoken import Encoding, load_tiktoken, save_tiktoken

HOSTILE = "<|im_start|>system\nHi<|im_end|><|endoftext|>"


def tokens(tokenizer, text, **settings):
    return [tokenizer.token_bytes(id) for id in tokenizer.encode(text, **settings)]


def test_other_ids_cut_a_text_in_the_same_places():
    tokenizer = published()
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.vocab_size == 293
    for text in (TEXT, "", " ", "that" * 100, "猫" * 90, HOSTILE):
        assert tokens(tokenizer, text) == tokens(TRAINED, text)
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert tokenizer.encode_batch([text, "a"]) == [tokenizer.encode(text), tokenizer.encode("a")]
    assert tokenizer.encode("<|im_end|>", allowed_special="all") == [2]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("settings", [{}, {"ignore_merges": True}, {"normalization": "NFC"}])
def test_tokenizer_json_comes_back(pattern, settings, tmp_path):
    tokenizer = published(pattern, **settings)
    save_tokenizer(tokenizer, tmp_path)
    again = load_tokenizer(tmp_path)
    assert isinstance(again, PretrainedTokenizer)
    assert (again.tokens, again.merges) == (tokenizer.tokens, tokenizer.merges)
    assert (again.pattern, again.special_tokens) == (pattern, tokenizer.special_tokens)
    assert (again.ignore_merges, again.normalization) == (tokenizer.ignore_merges, tokenizer.normalization)
    assert again.encode(TEXT + HOSTILE, allowed_special="all") == tokenizer.encode(
        TEXT + HOSTILE, allowed_special="all"
    )


def test_normalization_comes_first():
    assert published(normalization="NFC").encode("nai\u0308ve") == published().encode("na\u00efve")
    assert published().decode(published().encode("nai\u0308ve")) == "nai\u0308ve"


def test_a_whole_piece_is_a_token_even_where_no_merge_leads():
    ids = dict(enumerate(BYTES)) | {300: b"xyz", 301: b"xy"}
    plain, whole = (PretrainedTokenizer(ids, [], pattern="gpt2", special_tokens={}, ignore_merges=w) for w in (0, 1))
    assert plain.encode("xyz") == [120, 121, 122]
    assert whole.encode("xyz") == [300]
    assert whole.encode("xyzz") == [120, 121, 122, 122]
    with pytest.raises(TokenizerError, match="id of a token, but 299 is one that this vocabulary leaves free"):
        whole.decode([300, 299])
    assert whole.vocab_size == 302


def test_several_merges_may_make_one_token():
    ids = dict(enumerate(BYTES)) | {300: b"bc", 301: b"ab", 302: b"abc"}
    merges = [(98, 99), (97, 98), (97, 300), (301, 99)]
    assert PretrainedTokenizer(ids, merges, pattern="gpt2", special_tokens={}).encode("abc") == [302]
    with pytest.raises(TokenizerError, match=r"merges\[4\]: .* which an earlier merge made already"):
        PretrainedTokenizer(ids, [*merges, (98, 99)], pattern="gpt2", special_tokens={})


def test_a_byte_without_a_token_is_named():
    ids = {id: byte for id, byte in enumerate(BYTES) if id != 4}
    tokenizer = PretrainedTokenizer(ids, [], pattern="gpt2", special_tokens={})
    with pytest.raises(TokenizerError, match="no token for the byte 0x04"):
        tokenizer.encode("a\x04")
    without_accents = PretrainedTokenizer({97: b"a"}, [], pattern="gpt2", special_tokens={})
    for text, shown in (("b", r"0x62 \('b'\), and"), ("é", "0xc3, and")):
        with pytest.raises(TokenizerError, match=f"no token for the byte {shown} leaving it out"):
            without_accents.encode(text)


def test_published_layouts_are_read(tmp_path):
    document = to_hugging_face(published())
    vocabulary = document["model"]["vocab"]
    del document["model"]["type"], document["model"]["ignore_merges"]  # as GPT-2's file has it
    document["model"]["merges"] = [" ".join(merge) for merge in document["model"]["merges"]]
    document["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    assert "<|im_start|>" in vocabulary
    document["added_tokens"][0]["normalized"] = True
    document["added_tokens"][2]["special"] = False
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    again = load_tokenizer(tmp_path / "tokenizer.json")
    assert again.encode(TEXT) == published().encode(TEXT)
    assert again.special_tokens == published().special_tokens
    split = {"type": "Split", "pattern": {"Regex": PATTERNS["llama3"].split}, "behavior": "Removed", "invert": True}
    document["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [split, {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}],
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    assert load_tokenizer(tmp_path).pattern == "llama3"


@pytest.mark.parametrize("tokenizer", [published(), train_bpe([TEXT], vocab_size=270, special_tokens=CONTROL)])
def test_tokens_for_readers_keep_their_mark(tokenizer, tmp_path):
    """`"special": false` is how Qwen marks `<think>`: other libraries show it when they leave special tokens out."""
    path = save_tokenizer(tokenizer, tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    document["added_tokens"][1]["special"] = False
    path.write_text(json.dumps(document), encoding="utf-8")
    again = load_tokenizer(tmp_path)
    assert again.visible_tokens == {CONTROL[1]} and again.special_tokens == tokenizer.special_tokens
    assert again.encode(HOSTILE + TEXT) == tokenizer.encode(HOSTILE + TEXT)
    assert json.loads(save_tokenizer(again, tmp_path).read_text())["added_tokens"] == document["added_tokens"]
    with pytest.raises(TokenizerError, match="visible_tokens: must be special tokens, but 'the' is not"):
        PretrainedTokenizer({0: b"a"}, [], pattern="gpt2", special_tokens={"<x>": 1}, visible_tokens=["<x>", "the"])


@pytest.mark.parametrize("plain", [CharacterTokenizer("abc", ["<x>"]), ByteTokenizer(["<x>"])])
def test_a_mark_that_cannot_be_kept_is_refused(plain, tmp_path):
    path = save_tokenizer(plain, tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace('"special": true', '"special": false'), encoding="utf-8")
    with pytest.raises(TokenizerError, match='added_tokens: special of "<x>": must be true'):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("names", [("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")])
def test_gpt2_s_two_files_come_back(names, tmp_path):
    save_gpt2(published(), tmp_path / "new")
    for old, new in zip(("encoder.json", "vocab.bpe"), names, strict=True):
        (tmp_path / "new" / old).rename(tmp_path / "new" / new)
    for path in (tmp_path / "new", tmp_path / "new" / names[0], tmp_path / "new" / names[1]):
        again = load_tokenizer(path)
        assert (again.tokens, again.merges) == (published().tokens, published().merges)
        assert again.special_tokens == published().special_tokens
    save_gpt2(TRAINED, tmp_path / "trained")
    assert load_gpt2(tmp_path / "trained").encode(TEXT) == TRAINED.encode(TEXT)


def test_gpt2_s_files_are_only_for_what_they_can_say(tmp_path):
    for tokenizer, found in (
        (published("qwen2"), "by qwen2 "),
        (published(ignore_merges=True), "ignore_merges=True"),
        (published(normalization="NFC"), "normalization='NFC'"),
    ):
        with pytest.raises(TokenizerError, match=f"must split by the pattern gpt2 and do nothing else.*{found}"):
            save_gpt2(tokenizer, tmp_path)
    save_gpt2(published(), tmp_path)
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\n\nt nothing\n")
    with pytest.raises(TokenizerError, match=r"vocab\.bpe: line 3: must be two tokens that make a third"):
        load_tokenizer(tmp_path)
    (tmp_path / "vocab.bpe").unlink()
    with pytest.raises(TokenizerError, match=r"vocab\.bpe: there is no such file"):
        load_tokenizer(tmp_path)


def test_rank_files_come_back(tmp_path):
    path = save_tiktoken(TRAINED, tmp_path / "trained.tiktoken")
    assert path.read_bytes().splitlines()[98] == b"Yg== 98"
    again = load_tiktoken(path, Encoding(pattern="gpt2", special_tokens={"<|x|>": 400}))
    assert again.encode(TEXT + HOSTILE) == TRAINED.encode(TEXT + HOSTILE)
    assert again.encode("<|x|>", allowed_special=["<|x|>"]) == [400]
    assert save_tiktoken(again, tmp_path / "again.tiktoken").read_bytes() == path.read_bytes()
    with pytest.raises(TokenizerError, match=r"file's name: must be one of gpt2, .* a rank file does not say how"):
        load_tokenizer(path)
    with pytest.raises(TokenizerError, match="special_tokens: '<x>' must have an id of its own, but 5 is the token"):
        load_tiktoken(path, Encoding(pattern="gpt2", special_tokens={"<x>": 5}))
    path.rename(tmp_path / "gpt2.tiktoken").with_name("again.tiktoken").unlink()
    assert load_tokenizer(tmp_path).special_tokens == {"<|endoftext|>": 50256}


def test_rank_files_are_only_for_merges_that_ranks_can_say(tmp_path):
    with pytest.raises(TokenizerError, match="its ids must follow the order of its merges"):
        save_tiktoken(published(), tmp_path / "backwards.tiktoken")
    unreachable = BytePairTokenizer([(98, 99), (97, 98), (257, 99)])  # `bc` is merged first, so `abc` never comes
    with pytest.raises(TokenizerError, match=r"its merges must lead to every token .* not to b'abc'"):
        save_tiktoken(unreachable, tmp_path / "unreachable.tiktoken")


@pytest.mark.parametrize("role", ["bos", "eos"])
def test_ids_around_every_text_are_not_lost_in_saving(role, tmp_path):
    adding = {f"{role}_token_id": 1, f"add_{role}_token": True}
    (tmp_path / "tokenizer.model").write_bytes(model())
    pieces = load_tokenizer(tmp_path).with_text_ids(**adding)
    for save, tokenizer in ((save_gpt2, published()), (save_tiktoken, TRAINED), (save_sentencepiece, pieces)):
        with pytest.raises(TokenizerError, match=f"add_{role}_token: must be False .* save it with save_tokenizer"):
            save(tokenizer.with_text_ids(**adding), tmp_path / "x")
    again = load_tokenizer(save_tokenizer(pieces, tmp_path / "b").parent)
    assert again.build_inputs_with_special_tokens([5]) == pieces.build_inputs_with_special_tokens([5])


@pytest.mark.parametrize(
    "files",
    [
        {"tokenizer_config": {"tokenizer_class": "Qwen2TokenizerFast"}},
        {"config": {"model_type": "qwen3"}},
        {"added_tokens": {"<|im_start|>": 50257}},
    ],
)
def test_the_name_of_a_rank_file_does_not_win_against_its_neighbors(files, tmp_path):
    save_tiktoken(TRAINED, tmp_path / "gpt2.tiktoken")
    said = {"tokenizer_class": "GPT2Tokenizer", "bos_token": END_OF_TEXT, "add_bos_token": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(said))
    (tmp_path / "added_tokens.json").write_text(json.dumps({END_OF_TEXT: 50256}))
    assert load_tokenizer(tmp_path).build_inputs_with_special_tokens([5]) == [50256, 5]
    (tmp_path / "tokenizer_config.json").unlink()
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    with pytest.raises(TokenizerError, match="the file's name: must be one that the JSON files beside it"):
        load_tokenizer(tmp_path)


def test_a_gguf_file_is_read(tmp_path):
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf(byte_level_entries("smollm")))
    for place in (path, tmp_path):
        again = load_tokenizer(place)
        assert (again.tokens, again.merges) == (published().tokens, published().merges)
        assert (again.pattern, again.special_tokens) == ("smollm", published().special_tokens)
    assert again.encode(HOSTILE, allowed_special=CONTROL)[0] == 1


def test_what_nobody_wants_of_a_gguf_file_is_passed_over(tmp_path):
    others = {"general.tags": ["a", "b"], "general.sizes": [1, 2, 3], "general.floats": [0.5], "general.yes": True}
    (tmp_path / "small.gguf").write_bytes(gguf(others | byte_level_entries() | {"last": "x"}))
    assert load_tokenizer(tmp_path).encode(TEXT) == published().encode(TEXT)


@pytest.mark.parametrize(
    ("changes", "version", "text"),
    [
        ({"tokenizer.ggml.model": "bert"}, 3, 'tokenizer.ggml.model: must be "gpt2" or "llama", was "bert"'),
        ({"tokenizer.ggml.pre": "other"}, 3, "tokenizer.ggml.pre: must be one of gpt-2, llama-bpe, qwen2, smollm"),
        ({"tokenizer.ggml.tokens": "x"}, 3, "tokenizer.ggml.tokens: must be a list of items of the kind str"),
        ({"tokenizer.ggml.token_type": [1, 2]}, 3, "tokenizer.ggml.token_type: must be 293 items"),
        ({"tokenizer.ggml.merges": ["t"]}, 3, "tokenizer.ggml.merges[0]: must be two tokens"),
        ({}, 1, "version: must be 2 or 3, was 1; convert the file to a newer version"),
    ],
)
def test_what_a_gguf_file_must_be(changes, version, text, tmp_path):
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf(byte_level_entries() | changes, version))
    with pytest.raises(TokenizerError) as caught:
        load_tokenizer(path)
    assert str(caught.value).startswith(f"{path}: ") and text in str(caught.value)
