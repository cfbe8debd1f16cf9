"""Ids in every format, several vocabularies, corpora: the newer verbs, from outside."""

import gzip
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import TokenizerError, load_tokenizer, save_tokenizer, train_bpe
from llm_tokenizer.commands.main import main
from llm_tokenizer.corpus.id_files import FORMATS, read_ids, write_ids

TEXT = "The cat sat on the mat.\r\nThe cat's mat!\n猫 <|end|>\n" * 4


def run(*arguments, stdin=b"", cwd=None):
    command = [sys.executable, "-m", "llm_tokenizer", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, timeout=60, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    (folder / "text.txt").write_bytes(TEXT.encode())
    (folder / "text.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    save_tokenizer(train_bpe([TEXT], vocab_size=270, special_tokens=["<|end|>"]), folder / "model")
    save_tokenizer(train_bpe([TEXT], vocab_size=258, pattern="llama3"), folder / "small")
    return folder


@pytest.mark.parametrize("format", FORMATS)
@given(ids=st.lists(st.integers(0, 60_000)), cuts=st.integers(1, 5))
def test_ids_come_back_in_every_format(format, ids, cuts):
    for vocab_size in (60_001, 100_000):
        if format != "uint16" or vocab_size <= 65_536:
            stream = io.BytesIO()
            blocks = [ids[start : start + cuts] for start in range(0, len(ids), cuts)]
            assert write_ids([[], *blocks], stream, format, vocab_size=vocab_size) == len(ids)
            stream.seek(0)
            assert [id for block in read_ids(stream, format, vocab_size=vocab_size) for id in block] == ids


@pytest.mark.parametrize("format", FORMATS)
def test_files_and_pipes_give_the_text_back(folder, format):
    expected = load_tokenizer(folder / "model").encode(TEXT, allowed_special="all")
    arguments = ["--format", format, "--allow-special", "all", "-o", f"ids.{format}"]
    assert run("encode", "model", "text.txt.gz", *arguments, cwd=folder).returncode == 0
    path = folder / f"ids.{format}"
    if format == "npy":
        assert np.load(path).tolist() == expected
    elif format != "text":
        assert np.fromfile(path, dtype=format).tolist() == expected
    decoded = run("decode", "model", "--format", format, stdin=path.read_bytes(), cwd=folder)
    assert decoded.stdout == TEXT.encode() and decoded.returncode == 0
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize(
    ("format", "data", "message"),
    [
        ("text", b"1 2 three", r"ids\[2\]: must be a whole number from 0 to 269, was 'three'"),
        ("text", b"1 " * 40_000 + b"x", r"ids\[40000\]: must be"),
        ("text", b"1 " + b"9" * 100_000, r"ids\[1\]: must be"),
        ("text", b"\x93NUMPY\x01", "this is a .npy file, choose --format npy"),
        ("npy", b"1 2 3", "must be a .npy file, but has no header"),
        ("npy", b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16, "must be a .npy file, but has no header"),
        ("uint16", b"abc", "must be uint16 numbers of 2 bytes, but the last one has only 1"),
        ("uint8", b"", "format: must be one of text, npy, uint16, uint32, was 'uint8'"),
    ],
)
def test_damaged_ids_are_named(format, data, message):
    with pytest.raises(TokenizerError, match=message.replace(".", r"\.")):
        list(read_ids(io.BytesIO(data), format, vocab_size=270))


@pytest.mark.parametrize("numbers", [np.zeros((2, 2), np.int32), np.zeros(3), np.arange(9, dtype=np.int32)])
def test_arrays_of_other_shapes_and_lengths_are_refused(numbers):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, numbers)
    data = stream.getvalue()[: -1 if numbers.ndim == 1 else None]
    with pytest.raises(
        TokenizerError, match=r"must be one row of whole numbers|must hold 9 numbers of 4 bytes, has 35"
    ):
        list(read_ids(io.BytesIO(data), "npy", vocab_size=270))


def test_sixteen_bits_are_not_enough_for_a_large_vocabulary():
    with pytest.raises(TokenizerError, match="room for 65,536 ids and this vocabulary has 65,537; use uint32"):
        write_ids([[1]], io.BytesIO(), "uint16", vocab_size=65_537)


def test_compare(folder):
    result = run("compare", "model", "small", "--text", "The cat 猫", "--ids", cwd=folder)
    shown = result.stdout.decode()
    assert result.returncode == 0 and "model" in shown and shown.replace("│", "").count("The cat ⟨e7") == 2
    ids = load_tokenizer(folder / "small").encode("The cat 猫")
    assert " ".join(map(str, ids)) in shown
    rows = json.loads(run("compare", "model", "small", "--file", "text.txt", "--json", cwd=folder).stdout)
    assert [row["vocab_size"] for row in rows] == [270, 258] and rows[1]["tokens"] == len(rows[1]["ids"])
    assert rows[0]["bytes_per_token"] == pytest.approx(len(TEXT.encode()) / rows[0]["tokens"], abs=1e-4)
    assert run("compare", "model", "small", "--text", "<b>", "--html", "page.html", cwd=folder).returncode == 0
    page = (folder / "page.html").read_text()
    assert page.count("<h2>") == 2 and "&lt;" in page and "<b>" not in page and "http" not in page


def test_stats(folder, capsys):
    assert main(["stats", str(folder / "model"), str(folder / "text.txt"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    ids = load_tokenizer(folder / "model").encode(TEXT)
    assert (
        figures["tokens"] == len(ids)
        and figures["used"] == len(set(ids))
        and figures["text_bytes"] == len(TEXT.encode())
    )
    assert figures["coverage"] == pytest.approx(len(set(ids)) / 270, abs=1e-4) and figures["words"] == 44
    assert figures["commonest"][0][1] == max(map(ids.count, ids))
    assert main(["stats", str(folder / "model"), "--text", ""]) == 0
    assert "per token" not in capsys.readouterr().out, "of no tokens there is nothing to say"


def test_corpus(folder, capsys):
    (folder / "rows.jsonl").write_text("".join(json.dumps({"t": text}) + "\n" for text in [TEXT, "x", TEXT]))
    assert main(["corpus", str(folder / "rows.jsonl"), "--field", "t", "--duplicates"]) == 0
    shown = capsys.readouterr().out
    assert (
        "documents            3," in shown
        and "1 exact, 0 near" in shown
        and f"document 3 ({folder / 'rows.jsonl'}: line 3) is 100% like document 1 ({folder / 'rows.jsonl'}: line 1)"
        in shown
    )
    assert main(["corpus", str(folder / "rows.jsonl"), "--field", "t", "--duplicates", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["exact_duplicates"] == [[2, 0]] and found["places"]["2"] == f"{folder / 'rows.jsonl'}: line 3"


def test_duplicates_are_named_by_their_files_and_lines(tmp_path, capsys):
    for name, text in {"a.txt": TEXT, "b.txt": "other", "c.txt": f"new\nlines\n#\n{TEXT}"}.items():
        (tmp_path / name).write_bytes(text.encode())
    assert main(["corpus", str(tmp_path), "--separator", "#", "--duplicates"]) == 0
    shown = capsys.readouterr().out
    assert f"document 4 ({tmp_path / 'c.txt'}: line 4) is 100% like document 1 ({tmp_path / 'a.txt'}: line 1)" in shown
    (tmp_path / "c.txt").write_bytes(TEXT.encode())
    assert main(["corpus", str(tmp_path), "--duplicates"]) == 0
    assert f"({tmp_path / 'c.txt'}) is 100% like document 1 ({tmp_path / 'a.txt'})" in capsys.readouterr().out


def test_compare_shows_the_beginning_of_a_long_text(folder, tmp_path, capsys):
    (tmp_path / "long.txt").write_text("The cat " * 3000)
    assert main(["compare", str(folder / "small"), "--file", str(tmp_path / "long.txt")]) == 0
    shown = capsys.readouterr().out
    assert len(shown) < 3000 and " tokens more (--all shows them)" in shown
    assert main(["compare", str(folder / "small"), "--file", str(tmp_path / "long.txt"), "--all"]) == 0
    assert len(shown) < 20_000 < len(capsys.readouterr().out)


def test_compare_names_the_tokenizer_that_lacks_a_character(folder, tmp_path, capsys):
    (tmp_path / "few.txt").write_text("abc")
    assert main(["train", str(tmp_path / "few.txt"), "--characters", "-o", str(tmp_path / "few")]) == 0
    assert main(["compare", str(folder / "small"), str(tmp_path / "few"), "--text", "Zebra"]) == 2
    assert f"llm-tokenizer: error: {tmp_path / 'few'}: text: character 0 is 'Z'" in capsys.readouterr().err


def test_train_from_standard_input_says_why_it_stopped(folder):
    arguments = ["--allow-smaller", "--min-frequency", "3", "--processes", "2", "--separator", "#", "-o", "stream"]
    result = run("train", "-", *arguments, stdin=b"ab ab\n#\nab c\n", cwd=folder)
    assert result.returncode == 0 and b"257 tokens in stream" in result.stdout
    assert b"llm-tokenizer: vocab_size: stopped at 257 tokens where 4096 were allowed: with 257 no" in result.stderr


def test_show_ids(folder, capsys):
    assert main(["show", str(folder / "small"), "--text", "é\n", "--ids"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["195", "c3", "⟨c3⟩"], ["169", "a9", "⟨a9⟩"], ["10", "0a", "↵"], ["3", "tokens"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "model", "bad.txt", "-o", "x.ids"], "bad.txt: must be UTF-8, but byte 70002 is 0xff"),
        (["encode", "model", "text.txt", "-o", "missing/x"], "missing/x: cannot be written: No such file"),
        (["decode", "model", "missing.ids"], "missing.ids: cannot be read: No such file"),
        (["decode", "model", "many.ids"], "ids[40000]: must be a whole number from 0 to 269, was 999"),
        (["compare", "model", "missing", "--text", "a"], "missing: there is no such file"),
        (["stats", "model", "missing.txt"], "missing.txt: cannot be read"),
        (["corpus", "rows.txt", "--field", "t"], "rows.txt: there is no such file"),
        (["corpus", "text.txt", "--field", "t"], "text.txt: line 1 must be JSON"),
        (["corpus", "text.txt", "--duplicates", "--similarity", "2"], "similarity: must be above 0"),
        (["train", "text.txt", "-o", "x", "--processes", "0"], "processes: must be a whole number of at least 1"),
        (["train", "*.nothing", "-o", "x"], "no file matches this pattern"),
    ],
)
def test_mistakes_are_one_line(folder, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    (folder / "bad.txt").write_bytes(b"a " * 35_001 + b"\xff")
    (folder / "many.ids").write_bytes(b"1 " * 40_000 + b"999")
    assert main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("llm-tokenizer: error: ") and message in lines[0]
    assert not (folder / "x.ids").exists() and not list(folder.glob("*.part"))
