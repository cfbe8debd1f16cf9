"""SentencePiece models: the ids of the definition, and what is refused."""

import random
import struct

import numpy as np
import pytest
from small_files import PIECES, gguf, message, model, sentencepiece_entries

from llm_tokenizer import (
    BytePairTokenizer,
    IncrementalDecoder,
    SentencePieceTokenizer,
    Tokenizer,
    TokenizerError,
    load_tokenizer,
    save_tokenizer,
)
from llm_tokenizer.files.gguf_writing import GgufVocabulary, vocabulary_entries

SCORES = {text: score for text, score, kind in PIECES if kind == 1}
ID_OF = {text: id for id, (text, _, _) in enumerate(PIECES)}


@pytest.fixture
def tokenizer(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(model())
    return load_tokenizer(tmp_path)


def by_definition(text: str) -> list[int]:
    """Merge the neighbors of the best score, of equals the leftmost, and look at all of them each time."""
    parts = list(("▁" + text).replace(" ", "▁")) if text else []
    while True:
        places = [k for k in range(len(parts) - 1) if parts[k] + parts[k + 1] in SCORES]
        if not places:
            break
        best = max(places, key=lambda k: (SCORES[parts[k] + parts[k + 1]], -k))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    ids = []
    for part in parts:
        ids += [ID_OF[part]] if part in SCORES else [ID_OF[f"<0x{byte:02X}>"] for byte in part.encode()]
    return ids


def test_ids_are_those_of_the_definition(tokenizer):
    assert isinstance(tokenizer, SentencePieceTokenizer) and isinstance(tokenizer, Tokenizer)
    assert tokenizer.encode("the cat") == [ID_OF["▁the"], ID_OF["▁cat"]]
    assert tokenizer.encode("") == []
    dice = random.Random(0)
    for _ in range(500):
        text = "".join(dice.choices(["the", "cat", " ", "  ", "t", "h", "a", "猫", "ü", "\n", "<s>"], k=12))
        assert tokenizer.encode(text) == by_definition(text)
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode(" " * 500 + "cat") == by_definition(" " * 500 + "cat")


def test_control_tokens_are_plain_characters_unless_allowed(tokenizer):
    assert tokenizer.special_tokens == {"<unk>": 0, "<s>": 1, "</s>": 2}
    assert not {0, 1, 2} & set(tokenizer.encode("<s>the</s><unk>"))
    ids = tokenizer.encode("<s>the cat</s>", allowed_special=["<s>", "</s>"])
    assert ids == [1, ID_OF["▁the"], ID_OF["▁cat"], 2]
    assert tokenizer.decode(ids) == "<s>the cat</s>"
    assert tokenizer.token_bytes(ID_OF["▁the"]) == b" the"


class Scalar:
    """An element of an array as torch and JAX have it: a whole number that equals no other in a set."""

    __hash__ = None

    def __init__(self, id):
        self._id = id

    def __index__(self):
        return self._id


class Array(list):
    """An array of such elements."""

    dtype = "int64"

    def tolist(self):
        return [element.__index__() for element in self]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.tolist(), dtype)


@pytest.mark.parametrize("kind", [list, Array])
def test_ids_of_any_array_library_are_decoded(tokenizer, kind):
    ids = tokenizer.encode("<s> the cat</s> the", allowed_special="all")
    elements = kind(map(Scalar, ids))
    assert tokenizer.decode(elements) == "<s> the cat</s> the"
    decoder = IncrementalDecoder(tokenizer)
    assert "".join([*map(decoder.feed, elements), decoder.finish()]) == "<s> the cat</s> the"


def test_a_wrong_id_is_named_by_its_place_among_all(tokenizer):
    for wrong in (999_999, -1, 0.5, "x"):
        with pytest.raises(TokenizerError, match=r"ids\[2\]: must be a whole number from 0"):
            tokenizer.decode([1, ID_OF["▁the"], wrong])


def test_byte_pieces_are_no_text(tokenizer):
    assert tokenizer.decode(tokenizer.encode("<0x41>")) == "<0x41>"
    assert tokenizer.decode([ID_OF["<0x41>"]]) == "A"


def test_the_same_vocabulary_in_a_gguf_file(tokenizer, tmp_path):
    (tmp_path / "small.gguf").write_bytes(gguf(sentencepiece_entries()))
    assert load_tokenizer(tmp_path / "small.gguf").encode("the cats") == tokenizer.encode("the cats")
    (tmp_path / "bare.gguf").write_bytes(gguf(sentencepiece_entries() | {"tokenizer.ggml.add_space_prefix": False}))
    bare = load_tokenizer(tmp_path / "bare.gguf")
    assert bare.encode(" the") == tokenizer.encode("the")
    assert bare.decode(bare.encode(" the")) == " the"


def test_long_runs_come_back(tokenizer):
    for unit in (" ", "a", "at", "猫", "the ", "<s>"):
        text = unit * (100_000 // len(unit))
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (model(training=message((35, 1))), 'trainer_spec.model_type: must be BPE, was "Unigram"'),
        (model(training=message((3, 2))), "trainer_spec.byte_fallback: must be true"),
        (model(training=message((3, 2), (35, 1), (24, 1))), "treat_whitespace_as_suffix: must be false"),
        (model(normalizer=message((1, "nmt_nfkc"), (2, b"table"), (4, 0))), 'identity, was "nmt_nfkc"'),
        (model(normalizer=b""), "remove_extra_whitespaces: must be false"),
        (model(normalizer=message((4, 0), (5, 0))), "escape_whitespaces: must be true"),
        (model(PIECES[:100]), 'pieces: must be such that each byte has one (byte fallback), was "97 bytes"'),
        (model([*PIECES, ("x", 0.0, 7)]), "type: must be one of those that are known, or a byte (once), was 7"),
        (model([*PIECES, ("at", 0.0, 1)]), "must be a text of its own of 1 to 512 characters"),
        (model([*PIECES, ("x", float("nan"), 1)]), "score: must be a finite number"),
        (model([*PIECES, ("x" * 513, 0.0, 1)]), "must be a text of its own of 1 to 512 characters"),
        (message((1, b"\x0a\xff")), "pieces[0], byte 2"),
        (message((1, message((1, b"\xff")))) + model(), "pieces[0].piece: must be UTF-8"),
        (model() + b"\x0b", "must be a field of kind 0, 1, 2 or 5, was 3"),
        (model() + b"\x08" + b"\x80" * 11, "must be a number of at most ten bytes"),
        (model() + b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "must be a field of at most 0 bytes"),
        (model() + b"\x0d" + struct.pack("<f", 1), "pieces[278]: must be a text or a message"),
    ],
)
def test_what_is_not_read_is_named(data, text, tmp_path):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(data)
    with pytest.raises(TokenizerError) as caught:
        load_tokenizer(path)
    assert str(caught.value).startswith(f"{path}: ") and text in str(caught.value)


def test_saving_replaces_what_another_format_left_in_the_folder(tokenizer, tmp_path):
    other = BytePairTokenizer([(97, 98)])
    for first, second in ((other, tokenizer), (tokenizer, other)):
        folder = tmp_path / type(second).__name__
        save_tokenizer(first, folder)
        (folder / "added_tokens.json").write_text('{"<x>": 900}')
        (folder / "vocab.json").write_text("{}")
        path = save_tokenizer(second, folder)
        again = load_tokenizer(folder)
        assert type(again) is type(second) and again.vocab_size == second.vocab_size
        assert {file.name for file in folder.iterdir()} == {path.name, "tokenizer_config.json", "vocab.json"}


@pytest.mark.parametrize("changes", [{"prepend_scheme": "first"}, {"double_space": False}])
def test_a_space_elsewhere_is_refused_where_the_format_cannot_say_it(tokenizer, changes, tmp_path):
    settings = {"scores": tokenizer.scores, "special_tokens": tokenizer.special_tokens} | changes
    other = SentencePieceTokenizer(tokenizer.pieces, tokenizer.byte_ids, **settings)
    for write in (
        lambda: save_tokenizer(other, tmp_path),
        lambda: vocabulary_entries(other, other.vocab_size, GgufVocabulary(eos_token_id=2)),
    ):
        with pytest.raises(TokenizerError, match="tokenizer: must put a space before every text or never"):
            write()
