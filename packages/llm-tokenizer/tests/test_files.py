"""tokenizer.json: what is saved comes back, and what is damaged is named."""

import contextlib
import copy
import json
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_tokenizer import (
    BytePairTokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    TokenizerError,
    load_tokenizer,
    save_tokenizer,
    train_bpe,
)
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.files.huggingface_writing import to_hugging_face

TEXT = "The cat's mat, 12 cats!\n猫 naïve"
SPECIAL = ["<|endoftext|>", "<|x|>"]
TOKENIZERS = [train_bpe([TEXT * 2], vocab_size=275, pattern=name, special_tokens=SPECIAL) for name in PATTERNS]
TOKENIZERS += [BytePairTokenizer([]), ByteTokenizer(SPECIAL), ByteTokenizer(), CharacterTokenizer(TEXT, SPECIAL)]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_what_is_saved_comes_back(tokenizer, tmp_path):
    path = save_tokenizer(tokenizer, tmp_path / "new" / "folder")
    for found in (load_tokenizer(path), load_tokenizer(path.parent), load_tokenizer(str(path))):
        assert type(found) is type(tokenizer)
        assert dict(found.special_tokens) == dict(tokenizer.special_tokens)
        assert [found.token_bytes(id) for id in range(found.vocab_size)] == [
            tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)
        ]
        assert found.encode(TEXT) == tokenizer.encode(TEXT)
        assert getattr(found, "pattern", None) == getattr(tokenizer, "pattern", None)
    assert {file.name for file in path.parent.iterdir()} == {"tokenizer.json", "tokenizer_config.json"}


def test_saving_twice_gives_the_same_bytes(tmp_path):
    first = save_tokenizer(TOKENIZERS[0], tmp_path / "a").read_bytes()
    assert save_tokenizer(load_tokenizer(tmp_path / "a"), tmp_path / "b").read_bytes() == first
    settings = json.loads((tmp_path / "a" / "tokenizer_config.json").read_text())
    assert settings["eos_token"] == "<|endoftext|>"


GOOD = to_hugging_face(TOKENIZERS[1])
CHARACTERS = to_hugging_face(TOKENIZERS[-1])
REMOVED = object()


def changed(document, path, value):
    document = copy.deepcopy(document)
    *parents, last = path
    inner = document
    for key in parents:
        inner = inner[key]
    if value is REMOVED:
        del inner[last]
    else:
        inner[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ["normalizer"],
            {"type": "Lowercase"},
            "normalizer.type: must be NFC or NFKC (another one would change the text)",
        ),
        (["normalizer"], "NFC", 'normalizer: must be an object with a type, was "NFC"'),
        (["post_processor"], {"type": "Other"}, "post_processor.type: must be one of ByteLevel, TemplateProcessing"),
        (["model"], None, "model.vocab: must be an object, was null"),
        (["model"], [], "model: must be an object, was []"),
        (["model", "type"], "Unigram", 'model.type: must be "BPE" or "WordLevel", was "Unigram"'),
        (["model", "dropout"], 0.1, "model.dropout: must be null or 0 or 0.0, was 0.1"),
        (["model", "byte_fallback"], True, "model.vocab: must be one in which each byte has a token"),
        (["model", "ignore_merges"], 1, "model.ignore_merges: must be false"),
        (["model", "end_of_word_suffix"], "</w>", "model.end_of_word_suffix: must be null"),
        (["model", "vocab"], None, "model.vocab: must be an object, was null"),
        (["model", "vocab", "a"], 98, "must be an id that no other token has, was 98"),
        (["model", "vocab", "a"], True, 'model.vocab["a"]: must be a whole number from 0 to 16777215, was true'),
        (["model", "vocab", "extra"], 999_999, "ids: must leave at most 65536 ids free"),
        (["model", "vocab", "猫"], 999, "must be a token of printable characters that stand for bytes"),
        (["model", "vocab", ""], 999, 'model.vocab[""]: must be a token of printable characters'),
        (["model", "merges"], {}, "model.merges: must be a list"),
        (["model", "merges", 0], "a", 'model.merges[0]: must be two tokens of model.vocab, was "a"'),
        (["model", "merges", 0], ["a", "nothing"], "model.merges[0]: must be two tokens"),
        (["model", "merges", 3], ["a", ["b"]], "model.merges[3]: must be two tokens"),
        (["model", "merges", 3], ["A", "B"], "model.merges[3]: must join two tokens to a third"),
        (["decoder"], None, "decoder.type: must be ByteLevel, was null"),
        (["added_tokens"], None, "added_tokens: must be a list"),
        (["added_tokens", 0], None, "added_tokens[0]: must be a special token with a name"),
        (["added_tokens", 0, "id"], 5, "added_tokens[0].id: must be an id that no other token has, was 5"),
        (
            ["added_tokens", 1, "lstrip"],
            True,
            "added_tokens[1].lstrip: must be false (otherwise white space before it would be dropped), was true",
        ),
        (["added_tokens", 1, "content"], "<|endoftext|>", "added_tokens[1]: must be a special token with a name"),
        (["added_tokens", 1, "special"], REMOVED, "added_tokens[1].special: must be true or false, was null"),
        (["pre_tokenizer"], None, "pre_tokenizer: must be an object, was null"),
        (["pre_tokenizer", "type"], "Whitespace", "pre_tokenizer: must be ByteLevel, or"),
        (
            ["pre_tokenizer", "pretokenizers", 0, "pattern", "Regex"],
            "(a+)+$",
            "the Split of one of these patterns: gpt2, cl100k",
        ),
        (["pre_tokenizer", "pretokenizers", 0, "invert"], True, "must be a Split that keeps every match"),
        (
            ["pre_tokenizer", "pretokenizers", 1, "add_prefix_space"],
            True,
            "pretokenizers[1].add_prefix_space: must be false",
        ),
        (["pre_tokenizer"], {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}, "as one pre-token"),
        (
            ["pre_tokenizer"],
            {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True},
            "must be false (otherwise a space would be put before every text), was true",
        ),
        (["pre_tokenizer"], {"type": "ByteLevel", "add_prefix_space": False, "use_regex": 1}, "must be true or false"),
    ],
)
def test_every_odd_field_is_named(tmp_path, path, value, message):
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(changed(GOOD, path, value)))
    with pytest.raises(TokenizerError) as caught:
        load_tokenizer(tmp_path)
    assert message in str(caught.value) and str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["model", "vocab"], {}, "model.vocab: must be at least one character"),
        (["model", "vocab", "ab"], 5, 'model.vocab["ab"]: must be a single character'),
        (["model", "vocab", "a"], 0, 'model.vocab["a"]: must be a single character, numbered by code point, was 0'),
        (["model", "unk_token"], "[UNK]", 'model.unk_token: must be "", was "[UNK]"'),
        (["pre_tokenizer"], {"type": "Whitespace"}, "pre_tokenizer: must be a split into single characters"),
        (["decoder"], {"type": "ByteLevel"}, 'decoder.type: must be "Fuse"'),
    ],
)
def test_odd_fields_of_a_character_tokenizer(tmp_path, path, value, message):
    (tmp_path / "tokenizer.json").write_text(json.dumps(changed(CHARACTERS, path, value)))
    with pytest.raises(TokenizerError) as caught:
        load_tokenizer(tmp_path)
    assert message in str(caught.value)


def test_merges_that_double_a_token_each_time_take_no_memory(tmp_path):
    tokenizer = train_bpe(["abcdefghij" * 9], vocab_size=256 + 9)
    document = to_hugging_face(tokenizer)
    vocabulary = {name: id for name, id in document["model"]["vocab"].items() if id < 256}
    names = ["a" * 2, *(f"<{k}>" for k in range(60))]  # the first merge makes a token, and the others none
    document["model"]["vocab"] = vocabulary | {name: 256 + k for k, name in enumerate(names)}
    document["model"]["merges"] = [["a", "a"], *([name, name] for name in names[:-1])]
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    with pytest.raises(TokenizerError, match=r"model\.merges\[1\]: must join two tokens to a third"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b"[]", b'"text"', b"NaN", b"{}"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: "):
        load_tokenizer(tmp_path)


def places(document, path=()):
    yield path
    children = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, child in children:
        yield from places(child, (*path, key))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 400) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("document", [GOOD, CHARACTERS], ids=["merges", "characters"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_change_brings_anything_but_our_error(tmp_path_factory, document, data):
    outside = [path for path in places(document) if path and not (path[:2] == ("model", "vocab") and len(path) > 2)]
    path = data.draw(st.sampled_from(outside))
    file = tmp_path_factory.getbasetemp() / "changed.json"
    file.write_text(json.dumps(changed(document, path, data.draw(st.just(REMOVED) | json_values))))
    with contextlib.suppress(TokenizerError):
        tokenizer = load_tokenizer(file)
        assert tokenizer.decode(tokenizer.encode("cat")) == "cat"


def test_other_mistakes_are_named(tmp_path):
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: there is no such file"):
        load_tokenizer(tmp_path)
    with pytest.raises(TokenizerError, match="nothing: there is no such file"):
        load_tokenizer(tmp_path / "nothing")
    (tmp_path / "file").touch()
    with pytest.raises(TokenizerError, match="cannot be written"):
        save_tokenizer(TOKENIZERS[0], tmp_path / "file" / "inside")

    class Foreign:
        special_tokens: ClassVar[dict[str, int]] = {}

    with pytest.raises(TokenizerError, match=r"tokenizer: must be a BytePairTokenizer, .* was Foreign"):
        save_tokenizer(Foreign(), tmp_path)


def test_the_folder_of_a_run_says_where_its_tokenizer_is(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(TokenizerError, match="name a folder that holds one"):
        load_tokenizer(tmp_path)
    (tmp_path / "model" / "tokenizer.json").write_text("{}")
    with pytest.raises(TokenizerError) as refused:
        load_tokenizer(tmp_path)
    assert str(refused.value).endswith(f"name {tmp_path / 'model'}")
