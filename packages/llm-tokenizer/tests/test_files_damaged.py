"""Ten thousand damaged files: one kind of error, which names the file, and never more memory than the file has."""

import copy
import json
import random
import re
import resource
import struct

import pytest
from small_files import TRAINED, byte_level_entries, gguf, llama_json, model, published, sentencepiece_entries

from llm_tokenizer import CharacterTokenizer, TokenizerError, load_tokenizer, save_tokenizer
from llm_tokenizer.bpe.byte_unicode import to_printable
from llm_tokenizer.files import fields
from llm_tokenizer.files.gpt2 import save_gpt2
from llm_tokenizer.files.huggingface_writing import to_hugging_face
from llm_tokenizer.files.tiktoken import Encoding, load_tiktoken, save_tiktoken

COUNT = 1667  # for each of six kinds of file
ODD = [
    b"",
    b"\0",
    b"\xff",
    b"\xff" * 8,
    b"null",
    b"-1",
    b"1e999",
    b'"',
    b"{",
    b"]",
    b"\n",
    b" ",
    b"\x7f" * 4,
    b"9" * 30,
]


RANKS = Encoding(pattern="gpt2")
TOKENS = b"tokenizer.ggml.tokens"
GGUF_TOKENS = b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, len(TOKENS)) + TOKENS + struct.pack("<I", 9)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    save_gpt2(published(), folder)
    return {
        "tokenizer.json": json.dumps(to_hugging_face(published())).encode(),
        "small.tiktoken": save_tiktoken(TRAINED, folder / "x").read_bytes(),
        "encoder.json": (folder / "encoder.json").read_bytes(),
        "tokenizer.model": model(),
        "bytes.gguf": gguf(byte_level_entries()),
        "pieces.gguf": gguf(sentencepiece_entries()),
    }


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Cut off, flipped, overwritten, taken out, doubled or put somewhere else; most often near the front."""
    place = (
        min(int(dice.expovariate(6) * len(data)), len(data) - 1) if dice.random() < 0.7 else dice.randrange(len(data))
    )
    length = dice.choice([1, 1, 2, 4, 8, 50])
    part = data[place : place + length]
    return dice.choice(
        [
            lambda: data[:place],
            lambda: data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :],
            lambda: data[:place] + dice.randbytes(length) + data[place + length :],
            lambda: data[:place] + data[place + length :],
            lambda: data[:place] + part + part + data[place + length :],
            lambda: data[:place] + dice.choice(ODD) + data[place + length :],
            lambda: data[:place] + struct.pack("<Q", dice.choice([2**31, 2**40, 2**63, 2**64 - 1])) + data[place + 8 :],
        ]
    )()


@pytest.mark.parametrize("name", ["tokenizer.json", "small.tiktoken", "encoder.json", "tokenizer.model",
                                  "bytes.gguf", "pieces.gguf"])  # fmt: skip
def test_damage_is_named_and_nothing_else_happens(name, files, tmp_path):
    save_gpt2(published(), tmp_path)
    path = tmp_path / name
    dice = random.Random(name)
    refused = 0
    most_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(COUNT):
        path.write_bytes(damaged(files[name], dice))
        try:
            tokenizer = load_tiktoken(path, RANKS) if name == "small.tiktoken" else load_tokenizer(path)
            tokenizer.decode(tokenizer.encode("the cat 猫"))
        except TokenizerError as error:
            refused += 1
            said = str(error)
            assert said.startswith((f"{tmp_path}", "text: this vocabulary has no token for the byte")), said
            assert re.search("must|there is no such file|no token for", said), said
            assert re.search("; [a-z]", said) or "no token for" in said, said
    assert refused > COUNT // 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most_before < 300_000  # KiB


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(fields, "LARGEST_FILE", 100)
    path = tmp_path / "tokenizer.json"
    path.write_text("{" + " " * 200)
    with pytest.raises(TokenizerError, match="the file's size: must be at most 100 bytes, was 201; name"):
        load_tokenizer(path)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63), "number of entries: must be at most 65536"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**40), "key, length: must be at most 65535 bytes"),
        (
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 4, 2**61),
            "k, number of items: must be at most 0",
        ),
        (
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 1) + b"x" * 9,
            "k, kind: must be a kind from 0 to 12, and no array within an array, was 9",
        ),
        (GGUF_TOKENS + struct.pack("<IQ", 0, 2**22 + 1) + bytes(2**22 + 1), "tokens, number of items: must be at most"),
        (GGUF_TOKENS + struct.pack("<IQ", 0, 2**22 + 1), "number of items: must be at most 0, for which there are"),
        (
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<I", 13),
            "k, kind: must be a kind from 0 to",
        ),
        (b"GGUF", "must be a GGUF file of at least 24 bytes, was 4"),
        (b"", "is empty, and must be a vocabulary file"),
        (b"\x7fELF\x02", "the first bytes: must be those of a vocabulary file"),
        (b'{"model": ' * 100_000, "the text: must be JSON"),
        (b'{"model": {"vocab": {"a": ' + b"9" * 5000 + b"}}}", "the text: must be JSON"),
    ],
)
def test_lengths_are_not_believed(data, text, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(TokenizerError) as caught:
        load_tokenizer(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert text in str(caught.value)


OF_EVERY_TYPE = [None, True, 5, -1, 0.5, "", "x", "\ud800", [], [1], ["x"], [["x"]]]
OF_EVERY_TYPE += [{}, {"x": 1}, {"type": []}, {"type": "Sequence"}, {"\ud800": 900}]


def places(value, path=()):
    """Every place in a JSON document; of a long list or object the first and the last two."""
    yield path
    keys = list(value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ())
    for key in keys if len(keys) < 12 else [*keys[:2], *keys[-2:]]:
        yield from places(value[key], (*path, key))


def with_value(document, path, value):
    if not path:
        return value
    changed = copy.copy(document)
    changed[path[0]] = with_value(document[path[0]], path[1:], value)
    return changed


def around(*before):
    named = {name: {"id": name, "ids": [id], "tokens": [name]} for id, name in before}
    steps = [{"SpecialToken": {"id": name, "type_id": 0}} for _, name in before]
    return {"type": "TemplateProcessing", "single": [*steps, {"Sequence": {"id": "A"}}], "special_tokens": named}


def json_files(name):
    """A folder whose JSON files together have every field that is read."""
    roles = {"bos_token": "<|endoftext|>", "eos_token": {"content": "<|im_end|>"}}
    more = {"additional_special_tokens": ["<|im_start|>"], "extra_special_tokens": {"x": "<|im_start|>"}}
    flags = {"add_bos_token": True, "add_eos_token": False, "add_prefix_space": False}
    added = {"0": {"content": "<|endoftext|>", "special": True, "lstrip": False}}
    beside = {
        "tokenizer_config.json": {"added_tokens_decoder": added} | roles | more | flags,
        "special_tokens_map.json": roles | more,
        "added_tokens.json": {"<|im_end|>": 2},
    }
    if name == "bytes":
        document = to_hugging_face(published("llama3"))
        steps = {"type": "Sequence", "processors": [{"type": "ByteLevel"}, around((0, "<|endoftext|>"))]}
        form = {"type": "Sequence", "normalizers": [{"type": "NFC"}]}
        return {"tokenizer.json": document | {"post_processor": steps, "normalizer": form}} | beside
    if name == "pieces":
        metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
        roberta = {"type": "RobertaProcessing", "cls": ["<s>", 1], "sep": ["</s>", 2]}
        pieces = llama_json(normalizer=None, pre_tokenizer=metaspace, post_processor=roberta)
        return {"tokenizer.json": pieces, "special_tokens_map.json": {"bos_token": "<s>"}}
    if name == "llama":
        return {"tokenizer.json": llama_json(post_processor=around((1, "<s>")))}
    if name == "characters":
        return {"tokenizer.json": to_hugging_face(CharacterTokenizer("the cat 猫", ["<x>"]))}
    names = {to_printable(token): id for id, token in published().tokens.items()}
    return {"vocab.json": names | published().special_tokens, "config.json": {"model_type": "gpt2"}} | beside


@pytest.mark.parametrize("name", ["bytes", "pieces", "llama", "characters", "two files"])
def test_a_value_of_another_type_is_named_wherever_it_is(name, tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda file: None)  # which takes most of the time
    files, refused = json_files(name), 0
    if name == "two files":
        (save_gpt2(published(), tmp_path).with_name("vocab.bpe")).rename(tmp_path / "merges.txt")
        (tmp_path / "encoder.json").unlink()
    for file, document in files.items():
        (tmp_path / file).write_text(json.dumps(document))
    assert load_tokenizer(tmp_path).encode("the cat")
    for file, document in files.items():
        for path in places(document):
            for value in OF_EVERY_TYPE:
                (tmp_path / file).write_text(json.dumps(with_value(document, path, value)))
                try:
                    tokenizer = load_tokenizer(tmp_path)
                    tokenizer.decode(tokenizer.encode("the cat 猫"))
                    save_tokenizer(tokenizer, tmp_path / "again")
                except TokenizerError:
                    refused += 1
                except Exception as error:
                    raise AssertionError(f"{file}, {path} = {value!r}") from error
        (tmp_path / file).write_text(json.dumps(document))
    assert refused > 100


def test_a_list_of_tokens_is_not_a_string(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(model())
    (tmp_path / "special_tokens_map.json").write_text('{"additional_special_tokens": "abc"}')
    with pytest.raises(TokenizerError, match='additional_special_tokens: must be a list of tokens, was "abc"'):
        load_tokenizer(tmp_path)
