"""A file of any size is learned from in parts, and what is learned is the same."""

import random
import subprocess
import sys

import pytest

from llm_tokenizer import TokenizerError, read_documents, read_parts, train_bpe
from llm_tokenizer.bpe.counting import count_pre_tokens
from llm_tokenizer.bpe.splitting import PATTERNS

SPECIAL = ["<|end|>", "<|end|>>", "a b"]
ODD = [
    "The cat's",
    " sat ",
    "12½",
    "\r\n",
    "\r",
    "\n\n",
    "e",
    "\u0301",
    "\x00",
    "\x0b",
    "ﬁ",
    "漢",
    "'ll",
    ">",
    "\u0338",
]
ODD += SPECIAL


def some_text(seed, length=400):
    return "".join(random.Random(seed).choices(ODD, k=length))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_long_text_has_the_pieces_of_the_whole(monkeypatch, pattern):
    texts = [some_text(f"{pattern} {number}") for number in range(6)]
    whole = count_pre_tokens(texts, pattern, special_tokens=SPECIAL)
    monkeypatch.setattr("llm_tokenizer.bpe.counting.BATCH_CHARACTERS", 50)
    monkeypatch.setattr("llm_tokenizer.bpe.safe_parts.SLICE", 16)
    assert count_pre_tokens(texts, pattern, special_tokens=SPECIAL) == whole
    assert count_pre_tokens(["x" * 500], pattern) == {"x" * 500: 1}  # no place to cut, and still one piece


@pytest.mark.parametrize("form", [None, "NFC", "NFKC"])
@pytest.mark.parametrize("controls", ["keep", "remove"])
@pytest.mark.parametrize("line_breaks", ["lf", "keep"])
def test_parts_of_a_file_have_the_pieces_of_the_document(monkeypatch, tmp_path, form, controls, line_breaks):
    monkeypatch.setattr("llm_tokenizer.corpus.unicode_decoding.BLOCK", 7)
    monkeypatch.setattr("llm_tokenizer.bpe.safe_parts.SLICE", 5)
    how = {"normalization": form, "controls": controls, "line_breaks": line_breaks}
    for seed in range(12):
        path = tmp_path / "text.txt"
        path.write_bytes(some_text(f"parts {seed}", 150).encode())
        parts = list(read_parts(path, special_tokens=SPECIAL, **how))
        assert len(parts) > 20
        for pattern in ("gpt2", "o200k"):
            expected = count_pre_tokens(read_documents(path, **how), pattern, special_tokens=SPECIAL)
            assert count_pre_tokens(parts, pattern, special_tokens=SPECIAL) == expected


def test_documents_are_parts_of_their_own(tmp_path):
    (tmp_path / "a.txt").write_text("one\n<|end|>\ntwo\n")
    assert list(read_parts(tmp_path / "a.txt", separator="<|end|>")) == ["one", "\n", "two", "\n"]
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    assert list(read_parts(tmp_path / "a.jsonl", field="text")) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "how"), [("a.txt", {"separator": "#"}), ("a.jsonl", {"field": "text"}), ("b.txt", {})]
)
def test_special_tokens_and_the_bound_count_in_every_kind_of_file(tmp_path, name, how):
    (tmp_path / "a.txt").write_text("#\none<|end|>two<|end|>\n#\n" + "a" * 50)
    (tmp_path / "a.jsonl").write_text('{"text": "one<|end|>two<|end|>\\n"}\n{"text": "' + "a" * 50 + '"}')
    (tmp_path / "b.txt").write_text("one<|end|>two<|end|>\n" + "a" * 50)
    parts = list(read_parts(tmp_path / name, special_tokens=["<|end|>"], **how))
    assert "".join(parts) == "onetwo\n" + "a" * 50 and parts[0] == "one"
    with pytest.raises(TokenizerError, match="there is no place to cut the text for more than 49"):
        list(read_parts(tmp_path / name, longest=49, **how))


def test_mistakes_are_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\n\ntwo\x01")
    with pytest.raises(TokenizerError, match=r"a\.txt: line 3 holds the control character U\+0001"):
        list(read_parts(tmp_path / "a.txt", controls="refuse"))
    (tmp_path / "b.txt").write_bytes(b"a" * 100)
    with pytest.raises(TokenizerError, match="longest: from character 0 on there is no place to cut"):
        list(read_parts(tmp_path / "b.txt", longest=99))
    with pytest.raises(TokenizerError, match="longest: must be a whole number"):
        read_parts(tmp_path / "b.txt", longest=0)
    with pytest.raises(TokenizerError, match="special_tokens: must be a list of names"):
        train_bpe(read_parts(tmp_path / "b.txt"), vocab_size=257, special_tokens="<|end|>")


TRAIN = """
import re, sys
from pathlib import Path
from llm_tokenizer import read_parts, train_bpe
source = read_parts(sys.argv[1]) if sys.argv[2] == "file" else [Path(sys.argv[1]).read_text()]
train_bpe(source, vocab_size=300)
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc for the peak of a process")
def test_one_long_document_does_not_fill_the_memory(tmp_path):
    """Twenty megabytes: as a list of its stretches that would be more than 250."""
    words = [f"word{number} and {number * 7919 % 1000} others, " for number in range(2000)]
    (tmp_path / "text.txt").write_text("".join(random.Random(0).choices(words, k=900_000))[: 20 << 20])

    def peak(how):
        command = [sys.executable, "-c", TRAIN, str(tmp_path / "text.txt"), how]
        return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout) / 1024

    from_a_file, from_a_string = peak("file"), peak("string")
    assert from_a_file < 200
    assert from_a_string < from_a_file + 2 * 20 + 40  # the text itself, once as bytes while it is read
