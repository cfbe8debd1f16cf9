"""Batches of windows: cut out of one long row, or packed with whole documents."""

import random

import numpy as np
import pytest
import torch

from llm_train.data.batch import IGNORE_INDEX
from llm_train.data.batches import PackedBatches, StreamBatches, consecutive_batches
from llm_train.data.packed_windows import open_windows, pack_windows
from llm_train.data.shards import EncodedPart
from llm_train.data.tokens import write_tokens
from llm_train.data.windows import window_count
from llm_train.interface import TrainError
from llm_train.runs.plan import evenly_spread

SEPARATOR = 199


def stored(folder, documents, separator=None, shard_tokens=1 << 20):
    parts = (EncodedPart(ids, len(ids)) for ids in documents)
    return write_tokens(
        folder / "text.json", parts,
        separator=separator, vocab_size=200, tokenizer_sha256="t", shard_tokens=shard_tokens,
    )  # fmt: skip


@pytest.fixture
def counting(tmp_path):
    """A text that counts up from 0 to 102."""
    return stored(tmp_path, [list(range(103))])


@pytest.fixture
def at(counting):
    def batch(number, seed=1, batch=4, context=10):
        return StreamBatches(counting, context_length=context, batch=batch, seed=seed)(number)

    return batch


def test_targets_are_the_next_tokens(at):
    batch = at(0)
    assert batch.tokens.shape == batch.targets.shape == (4, 10)
    assert torch.equal(batch.targets, batch.tokens + 1)
    assert batch.documents is batch.row_keys is None


def test_a_batch_is_a_function_of_seed_and_number_alone(at):
    forwards = [at(number).tokens for number in range(8)]
    backwards = [at(number).tokens for number in reversed(range(8))][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(at(0, seed=2).tokens, forwards[0])


def test_an_epoch_visits_every_window_once(at):
    windows = window_count(103, 10)
    assert windows == 9
    starts = torch.cat([at(number, batch=3).tokens[:, 0] for number in range(3)])
    shift = int(starts.min())
    assert sorted(starts.tolist()) == [shift + 10 * index for index in range(9)]


def test_epochs_differ_in_order(at):
    orders = [
        torch.cat([at(3 * epoch + part, batch=3).tokens[:, 0] for part in range(3)]).tolist() for epoch in range(3)
    ]
    assert len({tuple(order) for order in orders}) == 3


def test_a_batch_may_reach_into_the_next_epoch(at):
    together = at(0, batch=18).tokens
    apart = torch.cat([at(number, batch=9).tokens for number in range(2)])
    assert torch.equal(together, apart)


def test_the_last_window_stays_inside_the_text(at):
    for number in range(60):
        assert int(at(number).targets.max()) < 103


def test_a_text_that_is_too_short_is_refused(tmp_path):
    short = stored(tmp_path, [list(range(20))])
    with pytest.raises(TrainError, match=r"20 training tokens.*context_length of 10.*at least 21"):
        StreamBatches(short, context_length=10, batch=1, seed=0)


def test_row_keys_are_given_where_they_are_wanted(counting):
    batches = StreamBatches(counting, context_length=10, batch=4, seed=1, with_row_keys=True)
    keys = [batches(number).row_keys for number in range(3)]
    assert len({key for some in keys for key in some.tolist()}) == 12


def test_validation_predicts_every_token_once(counting):
    batches = list(consecutive_batches(counting, context_length=10, batch=4))
    targets = torch.cat([batch.targets.flatten() for batch in batches])
    assert targets.tolist() == list(range(1, 103))
    assert batches[-1].tokens.shape == (1, 2)


def test_validation_of_some_windows(counting):
    some = consecutive_batches(counting, context_length=10, batch=2, windows=[0, 5, 9])
    assert torch.cat([batch.tokens for batch in some])[:, 0].tolist() == [0, 50, 90]


def test_masked_documents_are_numbered_and_do_not_predict_each_other(tmp_path):
    text = stored(tmp_path, [[1, 2, 3], [4, 5], [6, 7, 8]])
    batch = next(consecutive_batches(text, context_length=7, batch=1, mask_documents=True))
    assert batch.documents.tolist() == [[0, 0, 0, 1, 1, 2, 2]]
    assert batch.targets.tolist() == [[2, 3, IGNORE_INDEX, 5, IGNORE_INDEX, 7, 8]]


def test_masked_documents_share_their_separator(tmp_path):
    text = stored(tmp_path, [[1, 2], [4, 5]], separator=SEPARATOR)
    batch = next(consecutive_batches(text, context_length=6, batch=1, mask_documents=True))
    assert batch.tokens.tolist() == [[SEPARATOR, 1, 2, SEPARATOR, 4, 5]]
    assert batch.documents.tolist() == [[0, 0, 0, 1, 1, 1]]
    assert batch.targets.tolist() == [[1, 2, SEPARATOR, 4, 5, SEPARATOR]]


def some_documents(seed=0, count=300):
    draw = random.Random(seed)
    return [[draw.randrange(1, 150) for _ in range(draw.choice([1, 2, 5, 11, 16, 40]))] for _ in range(count)]


@pytest.mark.parametrize("separator", [SEPARATOR, None])
def test_packed_windows_hold_every_token_once_and_whole_documents(tmp_path, separator):
    documents = some_documents()
    text = stored(tmp_path, documents, separator)
    packed = text.packed = pack_windows(tmp_path / "packed.json", text, 16)
    batches = PackedBatches(text, context_length=16, batch=1, seed=1, mask_documents=True)
    found = []
    for number in range(len(packed)):
        batch = batches(number)
        for document in range(int(batch.documents.max()) + 1):
            inside = batch.documents[0] == document
            if (batch.targets[0][inside] != IGNORE_INDEX).any() or separator is None:
                found.append((batch.tokens[0][inside].tolist(), batch.targets[0][inside].tolist()))
    begin, end = ([separator], [separator]) if separator else ([], [IGNORE_INDEX])
    whole = [(begin + ids, ids + end) if separator else (ids, ids[1:] + end) for ids in documents]
    short = [one for one in whole if len(one[0]) <= 16]
    if separator is None:  # its last document has no target for its last token, which is not read as an input
        short, found = short[:-1], [one for one in found if one[0] != documents[-1][:-1]]
    for one in short:
        assert one in found
    pieces = sorted(piece for window in range(len(packed)) for piece in packed.pieces(window))
    assert [place for start, length in pieces for place in range(start, start + length)] == list(range(len(text) - 1))


def test_packing_does_not_depend_on_the_shards(tmp_path):
    tables = []
    for size in (1 << 20, 64):
        text = stored(tmp_path, some_documents(), SEPARATOR, shard_tokens=size)
        packed = pack_windows(tmp_path / "packed.json", text, 16)
        tables.append([packed.pieces(window) for window in range(len(packed))])
    assert tables[0] == tables[1]


def test_packed_windows_are_nearly_full(tmp_path):
    text = stored(tmp_path, some_documents(count=2000), SEPARATOR)
    assert len(pack_windows(tmp_path / "packed.json", text, 64)) * 64 < 1.02 * len(text)


def test_a_table_of_another_text_or_length_is_refused(tmp_path):
    text = stored(tmp_path, some_documents(), SEPARATOR)
    pack_windows(tmp_path / "packed.json", text, 16)
    assert len(open_windows(tmp_path / "packed.json", text, 16)) > 0
    with pytest.raises(TrainError, match="another text or context_length"):
        open_windows(tmp_path / "packed.json", text, 32)
    (tmp_path / "packed.pieces").write_bytes(b"")
    with pytest.raises(TrainError, match="delete it and start again"):
        open_windows(tmp_path / "packed.json", text, 16)


def test_packed_epochs_visit_every_window_once(tmp_path):
    text = stored(tmp_path, some_documents(), SEPARATOR)
    packed = text.packed = pack_windows(tmp_path / "packed.json", text, 16)
    batches = PackedBatches(text, context_length=16, batch=len(packed), seed=3)
    first, second = (np.sort(batches(number).tokens.numpy(), axis=0) for number in range(2))
    assert (first == second).all()
    assert not torch.equal(batches(0).tokens, batches(1).tokens)


@pytest.mark.parametrize(
    ("steps", "count", "expected"), [(10, 4, {2, 4, 6, 8}), (10, 0, set()), (1, 5, set()), (3, 9, {1, 2})]
)
def test_intervals_are_spread_evenly_before_the_end(steps, count, expected):
    assert evenly_spread(steps, count) == expected
