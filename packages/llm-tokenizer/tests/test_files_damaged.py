"""Ten thousand damaged files: one kind of error, which names the file, and never more memory than the file has."""

import json
import random
import re
import resource
import struct

import pytest
from small_files import TRAINED, byte_level_entries, gguf, model, published, sentencepiece_entries

from llm_tokenizer import TokenizerError, load_tokenizer
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
        (b"", "the first bytes: must be those of a vocabulary file"),
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
