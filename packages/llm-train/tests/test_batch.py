"""The record of a batch."""

import pytest
import torch

from llm_train.data.batch import IGNORE_INDEX, Batch
from llm_train.interface import TrainError

TOKENS = torch.arange(15).reshape(5, 3)


def full(rows=5):
    tokens = TOKENS[:rows]
    return Batch(
        tokens=tokens,
        targets=tokens + 1,
        weights=tokens / 2,
        documents=tokens // 4,
        row_keys=torch.arange(rows),
        extras={"advantages": torch.arange(rows) / 4, "reference": tokens * 0.5},
    )


def test_only_tokens_and_targets_are_needed():
    batch = Batch(tokens=TOKENS, targets=torch.full_like(TOKENS, IGNORE_INDEX))
    assert batch.rows == 5
    assert batch.weights is batch.documents is batch.row_keys is None
    assert batch.extras == {}


@pytest.mark.parametrize(
    ("parts", "sizes"), [(1, [5]), (2, [3, 2]), (3, [2, 2, 1]), (4, [2, 1, 1, 1]), (5, [1] * 5), (9, [1] * 5)]
)
def test_parts_are_nearly_equal_and_none_is_empty(parts, sizes):
    assert [part.rows for part in full().split(parts)] == sizes


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 5, 6])
def test_everything_of_a_row_goes_with_it(parts):
    whole, cut = full(), full().split(parts)
    for name in ("tokens", "targets", "weights", "documents", "row_keys"):
        assert torch.equal(torch.cat([getattr(part, name) for part in cut]), getattr(whole, name))
    for name in ("advantages", "reference"):
        assert torch.equal(torch.cat([part.extras[name] for part in cut]), whole.extras[name])


def test_a_batch_without_rows_is_one_empty_part():
    assert [part.rows for part in full(0).split(3)] == [0]


def test_no_parts_are_refused():
    with pytest.raises(TrainError, match="1 or more parts, was 0"):
        full().split(0)


def test_a_batch_moves_as_a_whole():
    moved = full().to("meta")
    given = [moved.tokens, moved.targets, moved.weights, moved.documents, moved.row_keys, *moved.extras.values()]
    assert {tensor.device.type for tensor in given} == {"meta"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": TOKENS.int()}, r"tokens must be int64.*int32 in \(5, 3\)"),
        ({"tokens": TOKENS[0]}, r"tokens must be int64 in \(rows, positions\)"),
        ({"targets": TOKENS[:4]}, r"targets must be int64 in the shape of tokens \(5, 3\), was int64 in \(4, 3\)"),
        ({"targets": TOKENS.float()}, "targets must be int64"),
        ({"weights": TOKENS}, "weights must be floats"),
        ({"documents": TOKENS.float()}, "documents must be whole numbers"),
        ({"documents": TOKENS > 3}, "documents must be whole numbers"),
        ({"row_keys": TOKENS}, "row_keys must be 5 int64 numbers"),
        ({"extras": {"advantages": torch.zeros(4)}}, r"extras\['advantages'\] must have 5 rows"),
        ({"extras": {"scale": torch.tensor(1.0)}}, r"extras\['scale'\] must have 5 rows"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, message):
    with pytest.raises(TrainError, match=message):
        Batch(**({"tokens": TOKENS, "targets": TOKENS} | change))
