"""From a recipe to tokens: tokenizers of every kind, prepared folders, packed windows, and what is said aloud."""

import io
import json
from types import MappingProxyType

import numpy as np
import pytest

from llm_tokenizer import ByteTokenizer, load_tokenizer, save_tokenizer, train_bpe
from llm_tokenizer.commands.console import Console
from llm_train.commands.main import main
from llm_train.data import encoding
from llm_train.data.datatrove import import_datatrove
from llm_train.data.encoding import encoded_parts, encoder_for
from llm_train.data.prepared import open_prepared, texts_of, write_prepared
from llm_train.data.sources import Document
from llm_train.data.tokenizers import separator_of, spread_evenly
from llm_train.interface import TrainError
from llm_train.recipes.recipe import Recipe
from llm_train.recipes.settings import DataSettings, TokenizerSettings
from llm_train.runs.folder import Run
from llm_train.runs.progress import Reporter
from llm_train.stages.prepare import prepare
from llm_train.stages.pretrain import train

TEXTS = [f"Document {n}: the king doth love his crown and all the night. " * (1 + n % 4) for n in range(50)]


def prepared(recipe, folder, **settings):
    output = io.StringIO()
    run = Run(folder)
    run.folder.mkdir(parents=True, exist_ok=True)
    found = prepare(recipe.with_values(**settings), run, Reporter(Console(file=output, width=300)))
    return found, output.getvalue()


def whole(text):
    return text.read(0, len(text)).tolist()


@pytest.mark.parametrize(("kind", "size"), [("bpe", 300), ("byte", 257), ("char", None)])
def test_each_kind_of_tokenizer_writes_the_text(tmp_path, small_recipe, play, kind, size):
    found, _ = prepared(small_recipe, tmp_path / "run", kind=kind, vocab_size=size)
    ids = [*whole(found.training)[1:-1], *whole(found.held_out)[1:-1]]
    assert found.tokenizer.decode(ids) == play
    assert found.training.bytes + found.held_out.bytes == len(play)
    assert found.separator == whole(found.training)[0] == whole(found.held_out)[-1]
    again, output = prepared(small_recipe, tmp_path / "run", kind=kind, vocab_size=size)
    assert "from before" in output and again.tokenizer_sha256 == found.tokenizer_sha256


def test_a_tokenizer_from_a_folder_is_used_as_it_is(tmp_path, small_recipe):
    tokenizer = train_bpe(TEXTS, vocab_size=290, special_tokens=["<|pad|>", "<|endoftext|>"])
    save_tokenizer(tokenizer, tmp_path / "tokenizer")
    found, _ = prepared(
        small_recipe, tmp_path / "run", kind="folder", path=str(tmp_path / "tokenizer"), vocab_size=None
    )
    assert dict(found.tokenizer.special_tokens) == dict(tokenizer.special_tokens)
    assert found.separator == tokenizer.special_tokens["<|endoftext|>"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "folder"}, "tokenizer.path must name"),
        ({"kind": "folder", "path": "nowhere"}, "tokenizer.path: "),
        ({"kind": "byte", "vocab_size": 300}, "--set tokenizer.vocab_size= takes the size"),
        ({"kind": "bpe", "vocab_size": 100_000}, "--set vocab_size="),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_refused(tmp_path, small_recipe, settings, message):
    with pytest.raises(TrainError, match=message):
        prepared(small_recipe, tmp_path / "run", **settings)


def test_a_tokenizer_without_an_end_is_refused():
    with pytest.raises(TrainError, match="no token that ends a text"):
        separator_of(ByteTokenizer(["<|pad|>"]))


def test_a_tokenizer_of_ones_own_works(tmp_path, small_recipe, reporter, play):
    class Reversed:
        """A foreign class that honors the protocol: bytes, numbered from the last."""

        vocab_size = 257
        special_tokens = MappingProxyType({"<|endoftext|>": 256})

        def encode(self, text, *, allowed_special=()):
            return [255 - byte for byte in text.encode()]

        def encode_batch(self, texts):
            return [self.encode(text) for text in texts]

        def decode_bytes(self, ids):
            return bytes(255 - id for id in ids if id < 256)

        def decode(self, ids):
            return self.decode_bytes(ids).decode("utf-8", "replace")

        def token_bytes(self, id):
            return bytes([255 - id]) if id < 256 else b"<|endoftext|>"

    run = Run(tmp_path / "run")
    run.folder.mkdir()
    found = prepare(small_recipe.with_values(vocab_size=None), run, reporter, Reversed())
    assert found.tokenizer.decode(whole(found.training) + whole(found.held_out)) == play


def test_a_sample_is_spread_evenly_and_always_the_same():
    some = [str(n % 10) * 10 for n in range(1000)]
    taken = list(spread_evenly(some, 1000, 10_000))
    assert sum(map(len, taken)) == 1000
    assert taken == some[::10] == list(spread_evenly(some, 1000, 10_000))
    assert list(spread_evenly(some, 10_000, 10_000)) == some


def test_a_sample_is_said_aloud(tmp_path, small_recipe):
    found, output = prepared(small_recipe, tmp_path / "run", sample_characters=3000, vocab_size=270)
    assert "characters, spread evenly" in output
    assert found.tokenizer.vocab_size == 270


def test_the_compiled_encoder_writes_the_same_ids(monkeypatch):
    pytest.importorskip("numba")
    tokenizer = train_bpe(TEXTS, vocab_size=300, special_tokens=["<|endoftext|>"])
    plain = [part.ids for part in encoded_parts(encoder_for(tokenizer, 0), documents())]
    monkeypatch.setattr(encoding, "TOGETHER", 100)
    encoder = encoder_for(tokenizer, 10**9)
    assert encoder.compiled
    assert [np.asarray(part.ids).tolist() for part in encoded_parts(encoder, documents())] == plain


def documents():
    return (Document(str(n), iter([text[:20], text[20:]])) for n, text in enumerate(TEXTS))


def test_a_tokenizer_that_reads_whole_texts_gets_them():
    class Whole:
        def encode_batch(self, texts):
            return [[len(text)] for text in texts]

    parts = list(encoded_parts(encoder_for(Whole(), 10**9), documents()))
    assert [part.ids for part in parts] == [[len(text)] for text in TEXTS]
    assert all(part.ends_document for part in parts)


def test_text_in_both_parts_and_written_out_separators_are_said_aloud(tmp_path, small_recipe, play):
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(9):
        (texts / f"{number}.txt").write_text(play[number * 300 : number * 300 + 300] + "<|endoftext|>")
    (texts / "9.txt").write_text(play[600:900] + "<|endoftext|>")
    for name in ("empty.txt", "table.csv", "paper.PDF", "README", ".hidden"):
        (texts / name).touch()
    _, output = prepared(small_recipe, tmp_path / "run", corpus=str(texts), vocab_size=270)
    assert "1 training document with the text of a held-out one (2): the" in output
    assert "<|endoftext|> is written out in 10 texts" in output and "separator=" in output
    assert "1 empty skipped; 3 files of other kinds skipped (.csv, .pdf, no suffix)" in output


def test_packed_and_masked_runs_train(tmp_path, small_recipe, reporter):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    recipe = small_recipe.with_values(corpus=str(rows), windows="packed", mask_documents=True, vocab_size=290, steps=2)
    results = train(recipe, tmp_path / "run", reporter)
    assert results["steps"] == 2


def test_documents_from_anywhere_become_a_corpus(tmp_path, small_recipe, reporter):
    tokenizer = train_bpe(TEXTS, vocab_size=290, special_tokens=["<|endoftext|>"])
    rows = ({"id": n, "body": text} for n, text in enumerate(TEXTS))
    header = write_prepared(tmp_path / "tokens", texts_of(rows, "body"), tokenizer, shard_tokens=300)
    assert header.documents == 50 and len(header.shards) > 3
    assert header.bytes == sum(len(text) for text in TEXTS)
    opened = open_prepared(DataSettings(corpus=str(tmp_path / "tokens")), TokenizerSettings())
    training, held_out = opened.parts
    ids = whole(training) + whole(held_out)[1:]  # the separator between them is in both
    assert tokenizer.decode(ids) == "<|endoftext|>" + "".join(f"{text}<|endoftext|>" for text in TEXTS)
    assert training.bytes + held_out.bytes == header.bytes
    assert 0.05 < len(held_out) / len(training) < 0.2
    results = train(
        small_recipe.with_values(corpus=str(tmp_path / "tokens"), vocab_size=None, steps=2), tmp_path / "run", reporter
    )
    assert results["steps"] == 2


def test_what_a_prepared_folder_does_not_follow_is_refused(tmp_path):
    write_prepared(tmp_path, TEXTS, ByteTokenizer(["<|endoftext|>"]))
    with pytest.raises(TrainError, match=r"data.field is 'body', but .* prepared: leave it out"):
        open_prepared(DataSettings(corpus=str(tmp_path), field="body"), TokenizerSettings())
    with pytest.raises(TrainError, match=r"--set tokenizer\.vocab_size=257"):
        open_prepared(DataSettings(corpus=str(tmp_path)), TokenizerSettings(vocab_size=2048))
    with pytest.raises(TrainError, match=r"--set tokenizer\.vocab_size=257"):
        open_prepared(DataSettings(corpus=str(tmp_path)), TokenizerSettings(kind="char"))


@pytest.mark.parametrize(("row", "words"), [({"body": "x"}, "'body'"), ({"text": 5}, "is 5")])
def test_a_row_without_text_is_refused_by_its_number(row, words):
    with pytest.raises(TrainError, match=f"row 1: the field 'text' must be text.*{words}"):
        list(texts_of([{"text": "good"}, row]))


def datatrove_files(folder, *, mask=False):
    """What DocumentTokenizer writes, by hand; a test of the real one is in `parity`."""
    tokenizer = ByteTokenizer(["<|endoftext|>"])
    save_tokenizer(tokenizer, folder / "tokenizer")
    for number in range(2):
        ids = [[*text.encode(), 256] for text in TEXTS[number::2]]
        path = folder / f"0000{number}_tokens.ds"
        path.write_bytes(np.concatenate(ids).astype("<u2").tobytes())
        (folder / f"{path.name}.index").write_bytes(np.cumsum([len(one) for one in ids]).astype("<u8").tobytes())
        if mask:
            (folder / f"{path.name}.loss").write_bytes(bytes(int(id % 2) for one in ids for id in one))
    return tokenizer


def test_files_of_datatrove_are_read_where_they_are(tmp_path, capsys):
    tokenizer = datatrove_files(tmp_path, mask=True)
    assert main(["import", "datatrove", str(tmp_path), "--tokenizer", str(tmp_path / "tokenizer")]) == 0
    assert "in 50 documents, 2 files" in capsys.readouterr().out
    assert main(["verify", str(tmp_path)]) == 0
    training, _ = open_prepared(DataSettings(corpus=str(tmp_path)), TokenizerSettings()).parts
    assert load_tokenizer(tmp_path).vocab_size == tokenizer.vocab_size
    ids = training.read(0, 200)
    assert tokenizer.decode(ids.tolist()).startswith(f"{TEXTS[0]}<|endoftext|>Document 2:")
    assert (training.learned(0, 200) == (ids % 2 == 1)).all()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "00001_tokens.ds.index").unlink(), "00001_tokens.ds: has no index"),
        (lambda folder: (folder / "00000_tokens.ds").write_bytes(b"12345"), "00000_tokens.ds: has 5 bytes, but"),
        (lambda folder: [path.unlink() for path in folder.glob("*.ds")], "has none"),
        (lambda folder: save_tokenizer(TINY, folder / "tokenizer"), "has the id 256, but the tokenizer has 256 tokens"),
    ],
)
def test_damaged_files_of_datatrove_are_refused(tmp_path, damage, message):
    datatrove_files(tmp_path)
    damage(tmp_path)
    with pytest.raises(TrainError, match=message):
        import_datatrove(tmp_path, tmp_path / "tokenizer")


TINY = ByteTokenizer()


def test_a_changed_file_is_refused_by_name_on_resume(tmp_path, small_recipe, reporter, corpus_file, play):
    train(small_recipe.with_values(steps=1), tmp_path / "run", reporter)
    corpus_file.write_text(play + "One line more.\n")
    with pytest.raises(TrainError, match=r"another text \(play has changed\)"):
        train(small_recipe.with_values(steps=1), tmp_path / "run", reporter)


def test_several_paths_can_be_given_to_the_command(tmp_path, small_recipe, corpus_file, recipe_file):
    other = tmp_path / "other.txt"
    other.write_text("other words\n" * 100)
    command = [
        "run",
        "--recipe",
        str(recipe_file),
        "--runs",
        str(tmp_path / "runs"),
        "--run",
        "two",
        "--set",
        "steps=1",
    ]
    assert main([*command, "--corpus", str(corpus_file), "--corpus", str(other)]) == 0
    stored = Recipe.load(str(tmp_path / "runs" / "two" / "recipe.toml"))
    assert stored.data.corpus == (str(corpus_file), str(other))
