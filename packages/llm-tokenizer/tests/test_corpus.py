"""Reading in all its ways, duplicates and the summary of a corpus."""

import gzip
import io
import json
import random
import subprocess
import sys
import tracemalloc
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import TokenizerError, find_duplicates, read_documents, read_text, summarize
from llm_tokenizer.commands.corpus import summary_in_words
from llm_tokenizer.corpus import unicode_decoding as decoding
from llm_tokenizer.corpus.file_search import text_files
from llm_tokenizer.corpus.minhash import minhash

WORDS = "the of and river stone light under winter song never house morning salt copper field quiet"


def prose(seed, words=300):
    chance = random.Random(seed)
    return " ".join(chance.choices(WORDS.split(), k=words))


def test_gzip_globs_and_streams_give_the_same_documents(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_bytes("é one\r\n".encode())
    (tmp_path / "sub" / "b.txt.gz").write_bytes(gzip.compress(b"two") + gzip.compress(b" more"))
    (tmp_path / "sub" / "c.bin.gz").write_bytes(gzip.compress(b"no text"))
    assert list(read_documents(tmp_path)) == ["é one\n", "two more"]
    assert list(read_documents(f"{tmp_path}/**/*.txt*")) == ["é one\n", "two more"]
    assert [file.name for file in text_files(f"{tmp_path}/*.t?t")] == ["a.txt"]
    stream = io.BytesIO(gzip.compress(b"streamed"))
    assert list(read_documents(stream)) == ["streamed"] and not stream.closed
    with (tmp_path / "a.txt").open("rb") as file:
        assert read_text(file) == "é one\n"
    with pytest.raises(TokenizerError, match="no file matches this pattern"):
        read_documents(tmp_path / "*.html")


class OneByteAtATime:
    """A stream that has nothing but `read`, and returns less than was asked for."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def read(self, size):
        return self._data.read(min(size, 1))


@pytest.mark.parametrize("data", [b"", b"a", "é!".encode(), gzip.compress("naïve".encode() * 99, mtime=0)])
def test_anything_with_a_read_is_a_stream(data):
    expected = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    assert "".join(read_documents(OneByteAtATime(data))) == expected.decode()


@pytest.mark.parametrize("source", [["a.txt", "b.txt"], io.StringIO("abc"), None, b"abc"])
def test_what_is_not_a_source_is_named(source):
    with pytest.raises(TokenizerError, match="source: must be a path, - or an open binary file, was"):
        list(read_documents(source))


def test_standard_input_is_read_as_it_comes():
    code = "from llm_tokenizer import read_documents; print(list(read_documents('-', separator='#')))"
    done = subprocess.run([sys.executable, "-c", code], input=b"a\r\n#\nb", capture_output=True, check=True)
    assert done.stdout == b"['a\\n', 'b']\n"
    done = subprocess.run([sys.executable, "-c", code], input=b"ab\xff", capture_output=True, check=False)
    assert b"standard input: must be UTF-8, but byte 2 is 0xff" in done.stderr


def test_a_damaged_gzip_file_is_named(tmp_path):
    whole = gzip.compress(prose(1).encode())
    for damaged in (whole[:-9], whole[:40] + b"xxxx" + whole[44:], whole + b"rest"):
        (tmp_path / "a.gz").write_bytes(damaged)
        with pytest.raises(TokenizerError, match=r"a\.gz: is a damaged gzip file \(.*compress or download it again"):
            read_text(tmp_path / "a.gz")


def test_fields_of_json_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{"text": "one\r\n", "meta": {"body": "x"}}, {"text": "", "meta": {"body": "y"}}, {"text": "é\u2028"}]
    path.write_text("\n".join(json.dumps(row) for row in rows[:2]) + "\n\n" + json.dumps(rows[2], ensure_ascii=False))
    assert list(read_documents(path, field="text")) == ["one\n", "é\u2028"]
    assert list(read_documents(tmp_path, field="text", line_breaks="keep")) == ["one\r\n", "é\u2028"]
    documents = read_documents(path, field="meta.body")
    assert [next(documents), next(documents)] == ["x", "y"]
    with pytest.raises(TokenizerError, match=r"a\.jsonl: line 4 must have the field 'meta\.body' \(it has 'text'"):
        next(documents)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", r"line 2 must be JSON, but is not: Expecting"),
        (b"[" * 100_000, r"line 2 must be JSON, but is nested too deeply"),
        (b"[1]", r"line 2 must have the field 'text' \(it has no object"),
        (b'{"text": 3}', r"line 2: the field 'text' must be a string, is 3"),
        (b'{"text": "\\ud800"}', r"line 2: the field 'text' holds U\+D800, half of a surrogate pair"),
        (b'{"n": ' + b"9" * 5000 + b"}", r"line 2 must be JSON, but is not"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "good"}\n' + line + b"\n")
    documents = read_documents(path, field="text")
    assert next(documents) == "good"
    with pytest.raises(TokenizerError, match=r"a\.jsonl: " + message):
        next(documents)


def test_bytes_that_are_no_text_are_an_explicit_choice(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\xffb\xe2\x82")
    assert read_text(path, errors="replace") == "a\ufffdb\ufffd"
    assert read_text(path, errors="ignore") == "ab"
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a\\udfffb"}')
    assert list(read_documents(tmp_path / "a.jsonl", field="text", errors="replace")) == ["a\ufffdb"]
    for choice in ({"errors": "guess"}, {"line_breaks": "crlf"}, {"controls": "drop"}):
        with pytest.raises(TokenizerError, match=f"{next(iter(choice))}: must be one of"):
            read_text(path, **choice)
    with pytest.raises(TokenizerError, match="field: must be the name of a field, and goes without separator"):
        read_documents(path, field="text", separator="#")


@pytest.mark.parametrize("block", [1, 2, 3])
@given(data=st.binary(max_size=12) | st.lists(st.sampled_from(b"a\xc3\xa9\xe2\x82\xed\xa0\xf0\x9f\x98\xff")).map(bytes))
def test_replacing_does_not_depend_on_the_blocks(block, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "BLOCK", block)
        if not data.startswith(b"\x1f\x8b"):
            for errors in ("replace", "ignore"):
                parts = decoding.decoded_blocks(io.BytesIO(data), errors=errors, keep_mark=True)
                assert "".join(parts) == data.decode("utf-8", errors)


def test_control_characters_are_kept_removed_or_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\x00\ttwo\n#\n\x0cthree\nfo\x1bur\r\n")
    assert read_text(path, line_breaks="keep") == path.read_bytes().decode()
    assert read_text(path, controls="remove") == "one\ttwo\n#\n\nthree\nfour\n"
    documents = read_documents(path, separator="#", controls="refuse")
    with pytest.raises(TokenizerError, match=r"a\.txt: line 1 holds the control character U\+0000"):
        next(documents)
    path.write_bytes(b"one\n#\nthree\nfo\x1bur")
    documents = read_documents(path, separator="#", controls="refuse")
    assert next(documents) == "one\n"
    with pytest.raises(TokenizerError, match=r"a\.txt: line 4 holds the control character U\+001B"):
        next(documents)


def test_memory_is_that_of_one_document(tmp_path):
    path = tmp_path / "many.txt.gz"
    document = "word " * 100_000 + "\n#\n"
    path.write_bytes(gzip.compress((document * 40).encode(), 1))
    tracemalloc.start()
    count = sum(1 for _ in read_documents(path, separator="#"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 40 and peak < 14 * len(document)


def test_exact_and_near_duplicates():
    base, other = prose(1), prose(2)
    changed = base.replace("river", "brook", 1)
    found = find_duplicates([base, other, base, changed, base.upper().replace(" ", "\n"), "short", "short!", "", ""])
    assert found.documents == 9 and found.exact == {2: 0, 8: 7}
    assert [(near.document, near.earlier) for near in found.near] == [(3, 0), (4, 0)]
    assert found.near[1].similarity == 1.0 and 0.8 < found.near[0].similarity < 1.0
    assert found.repeated == {2, 3, 4, 8}
    assert find_duplicates([base, changed], similarity=1).near == ()


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.8, 0.95])
def test_the_estimate_is_near_the_true_share(kept):
    def shingles(text):
        data = text.encode()
        return {data[start : start + 16] for start in range(len(data) - 15)}

    chance = random.Random(5)
    left = "".join(chance.choices("abcdefghijklmnop", k=4000))
    cut = int(4000 * kept)
    right = left[:cut] + "".join(chance.choices("abcdefghijklmnop", k=4000 - cut))
    true = len(shingles(left) & shingles(right)) / len(shingles(left) | shingles(right))
    assert abs((minhash(left) == minhash(right)).mean() - true) < 0.12


def test_duplicates_need_a_share_and_a_list():
    for bad in (0, 1.1, -1, "0.5", None):
        with pytest.raises(TokenizerError, match="similarity: must be above 0 and at most 1"):
            find_duplicates([], similarity=bad)
    for function in (find_duplicates, summarize):
        with pytest.raises(TokenizerError, match="documents: must be a collection of texts"):
            function("text")


def test_summary():
    summary = summarize(["Été 1\nдва\n", "", "e\u0301\r\n\x07\ufffd漢字", "ａ"])
    assert (summary.documents, summary.empty, summary.words, summary.lines) == (4, 1, 6, 5)
    assert summary.bytes == sum(len(text.encode()) for text in ["Été 1\nдва\n", "e\u0301\r\n\x07\ufffd漢字", "ａ"])
    assert summary.scripts == {"Latin": 5, "Cyrillic": 3, "Cjk": 2}
    assert (summary.controls, summary.replaced, summary.other_line_breaks, summary.not_composed) == (1, 1, 1, 1)
    shown = "\n".join(summary_in_words(summary))
    assert "Latin 50.0%, Cyrillic 30.0%, Cjk 20.0%" in shown and "1 control characters" in shown
    assert "look at" not in "\n".join(summary_in_words(summarize(["plain"])))
    assert next(summary_in_words(summarize([]))).startswith("documents            0")


@given(st.lists(st.text(max_size=20)))
def test_the_summary_adds_up(texts):
    summary = summarize(texts)
    assert summary.characters == sum(map(len, texts)) and summary.longest == max(map(len, texts), default=0)
    assert summary.not_composed == sum(not unicodedata.is_normalized("NFC", text) for text in texts)
