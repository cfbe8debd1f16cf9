import numpy as np
import pytest
import torch

from llm_train.data.batches import ShuffledBatches, consecutive_batches, window_count
from llm_train.interface import TrainError
from llm_train.runs.plan import evenly_spread

IDS = np.arange(103, dtype=np.uint16)


def at(step, seed=1, batch=4, context=10):
    return ShuffledBatches(IDS, context_length=context, batch=batch, seed=seed)(step)


def test_targets_are_the_next_tokens():
    tokens, targets = at(0).tokens, at(0).targets
    assert tokens.shape == targets.shape == (4, 10)
    assert torch.equal(targets, tokens + 1)  # the text counts up


def test_a_batch_is_a_function_of_seed_and_step_alone():
    forwards = [at(step).tokens for step in range(8)]
    backwards = [at(step).tokens for step in reversed(range(8))][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(at(0, seed=2).tokens, forwards[0])


def test_an_epoch_visits_every_window_once():
    windows = window_count(len(IDS), 10)
    assert windows == 9
    starts = torch.cat([at(step, batch=3).tokens[:, 0] for step in range(3)])
    shift = int(starts.min())
    assert sorted(starts.tolist()) == [shift + 10 * index for index in range(9)]


def test_epochs_differ_in_order():
    orders = [
        torch.cat([at(3 * epoch + part, batch=3).tokens[:, 0] for part in range(3)]).tolist() for epoch in range(3)
    ]
    assert len({tuple(order) for order in orders}) == 3


def test_a_batch_may_reach_into_the_next_epoch():
    together = at(0, batch=18).tokens
    apart = torch.cat([at(step, batch=9).tokens for step in range(2)])
    assert torch.equal(together, apart)


def test_the_last_window_stays_inside_the_text():
    for step in range(60):
        assert int(at(step).targets.max()) < len(IDS)


def test_a_text_that_is_too_short_is_refused():
    with pytest.raises(TrainError, match=r"20 training tokens.*context_length of 10.*at least 21"):
        ShuffledBatches(IDS[:20], context_length=10, batch=1, seed=0)


def test_validation_guesses_every_token_once():
    batches = list(consecutive_batches(IDS, context_length=10, batch=4))
    targets = torch.cat([batch.targets.flatten() for batch in batches])
    assert targets.tolist() == list(range(1, 103))
    assert batches[-1].tokens.shape == (1, 2)


def test_validation_of_some_windows():
    tokens = torch.cat(
        [batch.tokens for batch in consecutive_batches(IDS, context_length=10, batch=2, windows=[0, 5, 9])]
    )
    assert tokens[:, 0].tolist() == [0, 50, 90]


@pytest.mark.parametrize(
    ("steps", "count", "expected"), [(10, 4, {2, 4, 6, 8}), (10, 0, set()), (1, 5, set()), (3, 9, {1, 2})]
)
def test_intervals_are_spread_evenly_before_the_end(steps, count, expected):
    assert evenly_spread(steps, count) == expected
