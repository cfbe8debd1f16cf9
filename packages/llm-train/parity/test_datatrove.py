"""What datatrove's own DocumentTokenizer writes is read as it is."""

import pytest

from llm_tokenizer import save_tokenizer, train_bpe
from llm_train.data.datatrove import import_datatrove
from llm_train.data.prepared import open_prepared, texts_of, write_prepared
from llm_train.data.tokenizers import separator_of
from llm_train.recipes.settings import DataSettings, TokenizerSettings

TEXTS = [f"Document number {n}: the cat sat on {n % 7} mats. " * (1 + n % 5) for n in range(60)]


@pytest.fixture
def tokenizer(tmp_path):
    made = train_bpe(TEXTS, vocab_size=300, special_tokens=["<|endoftext|>"])
    save_tokenizer(made, tmp_path / "tokenizer")
    return made


@pytest.mark.parametrize("shuffled", [False, True])
def test_tokens_of_datatrove_are_read_as_they_are(tmp_path, tokenizer, shuffled):
    data = pytest.importorskip("datatrove.data")
    tokens = pytest.importorskip("datatrove.pipeline.tokens")
    writer = tokens.DocumentTokenizer(
        output_folder=str(tmp_path / "tokens"), tokenizer_name_or_path=str(tmp_path / "tokenizer" / "tokenizer.json"),
        eos_token="<|endoftext|>", shuffle_documents=shuffled, local_working_dir=str(tmp_path / "work"), seed=1,
    )  # fmt: skip
    for rank in range(2):
        some = [data.Document(text=text, id=str(n)) for n, text in enumerate(TEXTS) if n % 2 == rank]
        writer.run(iter(some), rank=rank, world_size=2)
    header = import_datatrove(tmp_path / "tokens", tmp_path / "tokenizer")
    assert header.documents == len(TEXTS) and len(header.shards) == 2
    assert header.separator == separator_of(tokenizer)
    assert header.bytes == sum(len(text.encode()) for text in TEXTS)
    opened = open_prepared(DataSettings(corpus=str(tmp_path / "tokens")), TokenizerSettings())
    training, held_out = opened.parts
    ids = [*training.read(0, len(training)).tolist(), *held_out.read(1, len(held_out) - 1).tolist()]
    found = tokenizer.decode(ids).split("<|endoftext|>")
    assert sorted(found) == sorted([*TEXTS, ""])
    if not shuffled:
        assert found[:3] == TEXTS[:6:2]


def test_a_streamed_data_set_of_hugging_face_is_written_as_shards(tmp_path, tokenizer):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list([{"id": n, "body": text} for n, text in enumerate(TEXTS)]).to_iterable_dataset()
    header = write_prepared(tmp_path / "tokens", texts_of(rows, "body"), tokenizer, shard_tokens=500)
    assert header.documents == len(TEXTS) and len(header.shards) > 2
    training, held_out = open_prepared(DataSettings(corpus=str(tmp_path / "tokens")), TokenizerSettings()).parts
    ids = [*training.read(0, len(training)).tolist(), *held_out.read(1, len(held_out) - 1).tolist()]
    assert tokenizer.decode(ids) == "<|endoftext|>" + "".join(f"{text}<|endoftext|>" for text in TEXTS)
