"""Text preprocessing: strict, lazy, and exact about what is wrong."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import TokenizerError, normalize_text, read_documents, read_text


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"second\r\nfile\r")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.md").write_bytes("\ufefferste Zeile\nCafe\u0301".encode())
    (tmp_path / "picture.png").write_bytes(b"\xff\xfe")
    return tmp_path


def test_a_folder_is_read_in_the_order_of_paths(folder):
    assert list(read_documents(folder)) == ["erste Zeile\nCafe\u0301", "second\nfile\n"]
    assert list(read_documents(folder, normalization="NFC")) == ["erste Zeile\nCafé", "second\nfile\n"]
    assert list(read_documents(str(folder), suffixes=[".txt"])) == ["second\nfile\n"]
    assert read_text(folder / "b.txt") == "second\nfile\n"


@pytest.mark.parametrize(
    ("content", "documents"),
    [
        ("one\n<|end|>\ntwo\n", ["one\n", "two\n"]),
        ("one\r\n<|end|>\r\ntwo", ["one\n", "two"]),
        ("<|end|>\n<|end|>\none\n<|end|>\n", ["one\n"]),
        ("one <|end|>\n<|end|> two\n", ["one <|end|>\n<|end|> two\n"]),
        ("\n\n<|end|>\n\n", ["\n\n", "\n"]),
    ],
)
def test_documents_end_at_a_separator_that_stands_alone(tmp_path, content, documents):
    (tmp_path / "a.txt").write_bytes(content.encode())
    assert list(read_documents(tmp_path / "a.txt", separator="<|end|>")) == documents


@pytest.mark.parametrize("block", [1, 2, 3, 7])
@given(text=st.text(st.sampled_from("a\r\né€😀\u0301\u2028\x85\x0b"), max_size=20))
def test_blocks_may_end_anywhere(tmp_path_factory, block, text):
    path = tmp_path_factory.getbasetemp() / "blocks.txt"
    path.write_bytes(("x" + text).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llm_tokenizer.corpus.unicode_decoding.BLOCK", block)
        assert read_text(path) == ("x" + text).replace("\r\n", "\n").replace("\r", "\n")


@given(st.text())
def test_normalization(text):
    text = text.encode("utf-8", "replace").decode()
    assert "\r" not in normalize_text(text)
    assert normalize_text(normalize_text(text)) == normalize_text(text)
    assert normalize_text(text, "NFC") == unicodedata.normalize("NFC", normalize_text(text))
    assert normalize_text("\ufb01", "NFKC") == "fi"


@pytest.mark.parametrize("block", [2, 1 << 20])
@pytest.mark.parametrize(
    ("content", "place", "value"),
    [
        (b"good\xffbad", 4, "ff"),
        (b"caf\xc3", 3, "c3"),
        ("é".encode() * 5 + b"\xe2\x82", 10, "e2"),
        (b"\xed\xa0\x80", 0, "ed"),
        (b"a\xc0\xaf", 1, "c0"),
    ],
)
def test_a_bad_byte_is_named_with_its_place(tmp_path, monkeypatch, block, content, place, value):
    monkeypatch.setattr("llm_tokenizer.corpus.unicode_decoding.BLOCK", block)
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(
        TokenizerError, match=rf"a\.txt: must be UTF-8, but byte {place} is 0x{value} \(.*convert it to UTF-8"
    ):
        read_text(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("content", "binary"),
    [
        (b"PK\x03\x04\0\xff", True),
        ("\ufeffHello".encode("utf-16-le"), True),
        (bytes([*range(1, 32), 255]), True),
        ("Ein schöner Tag".encode("latin-1"), False),
        ("Добрый день".encode("cp1251"), False),
        (b"\x1b[1mbold\x1b[0m\r\n\xff", False),
    ],
)
def test_a_binary_file_is_told_from_a_text_in_another_encoding(tmp_path, content, binary):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(TokenizerError, match="must be UTF-8") as caught:
        read_text(tmp_path / "a.txt")
    assert ("looks like a binary file" in str(caught.value)) == binary


def test_documents_come_one_by_one(tmp_path):
    (tmp_path / "a.txt").write_text("good")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    documents = read_documents(tmp_path)
    assert next(documents) == "good"
    with pytest.raises(TokenizerError, match=r"b\.txt"):
        next(documents)


def test_mistakes_are_named(tmp_path):
    (tmp_path / "empty.txt").touch()
    with pytest.raises(TokenizerError, match=r"empty\.txt: must hold text, but is empty"):
        read_documents(tmp_path / "empty.txt")
    with pytest.raises(TokenizerError, match="must hold text, but is empty"):
        read_documents(tmp_path)
    with pytest.raises(TokenizerError, match="nothing: there is no such file or folder"):
        read_documents(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    with pytest.raises(TokenizerError, match=r"holds no text file \(\.txt, \.md\)"):
        read_documents(tmp_path / "folder")
    with pytest.raises(TokenizerError, match="must be a file, is a folder"):
        read_text(tmp_path)
    with pytest.raises(TokenizerError, match="normalization: must be NFC, NFKC or None, was 'nfc'"):
        read_documents(tmp_path, normalization="nfc")
    with pytest.raises(TokenizerError, match="separator: must be one line that is not blank"):
        read_documents(tmp_path, separator="\n")
