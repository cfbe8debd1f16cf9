import math

import pytest

from llm_train.recipes.settings import ScheduleSettings
from llm_train.schedule import (
    batch_size,
    lr_multiplier,
    sequence_length,
    warmup_cosine,
    warmup_linear,
    warmup_stable_decay,
)


def test_the_warm_up_begins_above_zero_and_ends_at_the_peak():
    assert [warmup_cosine(step, 8.0, 0.0, 4, 10) for step in range(5)] == [2, 4, 6, 8, 8]


def test_cosine_is_halfway_in_the_middle_and_stays_at_the_floor():
    assert warmup_cosine(7, 3.0, 1.0, 4, 10) == pytest.approx(2.0, abs=1e-15)
    assert [warmup_cosine(step, 3.0, 1.0, 4, 10) for step in (10, 11, 1000)] == [1, 1, 1]


def test_without_warm_up_the_first_step_has_the_peak():
    assert warmup_cosine(0, 3.0, 0.0, 0, 10) == warmup_stable_decay(0, 3.0, 0.0, 0, 10, 10) == 3


def test_wsd_stays_and_then_falls_evenly():
    rates = [warmup_stable_decay(step, 1.0, 0.0, 2, 10, 5) for step in range(11)]
    assert rates == pytest.approx([0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0])


def test_wsd_of_a_short_run_falls_from_the_peak():
    wsd = ScheduleSettings(shape="wsd", decay=0.9, warmup_steps=5)
    assert [lr_multiplier(wsd, 10, step) for step in range(4, 8)] == pytest.approx([1, 1, 0.8, 0.6])


def test_linear_falls_evenly_to_the_floor():
    linear = ScheduleSettings(shape="linear", floor=0.2, warmup_steps=0)
    assert [lr_multiplier(linear, 4, step) for step in range(6)] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2, 0.2])


@pytest.mark.parametrize("shape", ["constant", "linear", "cosine", "wsd"])
@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_every_curve_is_a_fraction_of_the_peak(shape, steps):
    schedule = ScheduleSettings(shape=shape, warmup_steps=10)
    multipliers = [lr_multiplier(schedule, steps, step) for step in range(steps)]
    assert all(0 < multiplier <= 1 for multiplier in multipliers)
    assert all(math.isfinite(multiplier) for multiplier in multipliers)
    assert max(multipliers) == 1


def test_the_floor_is_a_fraction_of_the_peak():
    assert lr_multiplier(ScheduleSettings(shape="cosine", floor=0.1, warmup_steps=0), 100, 100) == pytest.approx(0.1)


def test_a_batch_grows_in_stages_and_counts_its_rows():
    sizes = [batch_size(step, [2, 4, 8], [3, 2]) for step in range(7)]
    assert [size for size, _ in sizes] == [2, 2, 2, 4, 4, 8, 8]
    assert [before for _, before in sizes] == [0, 2, 4, 6, 10, 14, 22]


def test_a_context_grows_in_multiples():
    lengths = [sequence_length(step, 32, 96, 8, 16) for step in range(10)]
    assert lengths == [32, 32, 48, 48, 64, 64, 80, 80, 96, 96]


def test_a_linear_fall_is_a_stable_part_of_no_steps():
    rates = [warmup_linear(step, 2.0, 0.5, 3, 12) for step in range(14)]
    assert rates == [warmup_stable_decay(step, 2.0, 0.5, 3, 12, 9) for step in range(14)]
