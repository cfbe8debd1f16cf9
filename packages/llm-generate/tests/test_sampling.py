"""The draw follows the distribution, and the distribution follows the settings in the stated order."""

import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm_generate import (
    CategoricalSampler,
    GenerateError,
    SamplingSettings,
    distribution,
    draw,
    new_generator,
    temperature,
    top_k,
    top_p,
)

LOGITS = [1.25, -0.5, 2.0, 0.25, 2.0, -3.0, 1.0, 0.0]
DRAWS = 4000
# A right sampler fails one of these tests with probability 1e-6 for each; the seed is fixed besides.
NORMAL_QUANTILE = 4.753424  # of 1 - 1e-6


def enumerated(logits: list[float], t: float, k: int | None, p: float) -> list[float]:
    """The distribution by its definition, token by token, without torch: temperature, then top-k, then top-p."""
    weights = [math.exp(z / t) for z in logits]
    order = sorted(range(len(logits)), key=lambda token: (-weights[token], token))[:k]
    total = math.fsum(weights[token] for token in order)
    kept, reached = [], 0.0
    for token in order:
        kept.append(token)
        reached += weights[token] / total
        if p < 1 and reached >= p:
            break
    total = math.fsum(weights[token] for token in kept)
    return [weights[token] / total if token in kept else 0.0 for token in range(len(logits))]


def chi_square(counts: Counter[int], expected: list[float]) -> tuple[float, float]:
    """The statistic and its limit (Wilson and Hilferty's cube-root approximation of the quantile)."""
    if any(counts[token] for token, share in enumerate(expected) if share == 0):
        return math.inf, 0.0
    draws = sum(counts.values())
    statistic = sum(
        (counts[token] - draws * share) ** 2 / (draws * share) for token, share in enumerate(expected) if share
    )
    freedom = sum(share > 0 for share in expected) - 1
    spread = 2 / (9 * freedom)
    return statistic, freedom * (1 - spread + NORMAL_QUANTILE * math.sqrt(spread)) ** 3


CHOICES = [(1.0, None, 1.0), (0.5, None, 1.0), (1.7, 5, 1.0), (1.0, None, 0.8), (0.7, 6, 0.75), (2.0, 3, 0.9)]


@pytest.mark.parametrize(("t", "k", "p"), CHOICES)
def test_draws_follow_the_enumerated_distribution(t: float, k: int | None, p: float) -> None:
    sampler = CategoricalSampler(SamplingSettings(temperature=t, top_k=k, top_p=p))
    generator = new_generator(20)
    counts = Counter(sampler(torch.tensor(LOGITS), generator) for _ in range(DRAWS))
    statistic, limit = chi_square(counts, enumerated(LOGITS, t, k, p))
    assert statistic < limit
    # The test can fail: a sampler that ignored the settings would be found out.
    wrong = enumerated(LOGITS, 1.3 if t == 1 else 1.0, None, 1.0)
    statistic, limit = chi_square(counts, wrong)
    assert statistic > limit


@pytest.mark.parametrize(("t", "k", "p"), CHOICES)
def test_the_distribution_is_the_enumerated_one(t: float, k: int | None, p: float) -> None:
    found = distribution(torch.tensor(LOGITS, dtype=torch.float64), SamplingSettings(temperature=t, top_k=k, top_p=p))
    assert found.tolist() == pytest.approx(enumerated(LOGITS, t, k, p), abs=1e-12)


def test_temperature_acts_before_top_p() -> None:
    # At T = 1 the first token alone holds 0.73 and would be all of p = 0.7; at T = 3 it takes two.
    logits = torch.tensor([1.0, 0.0])
    assert distribution(logits, SamplingSettings(temperature=1, top_p=0.7)).tolist() == [1.0, 0.0]
    assert (distribution(logits, SamplingSettings(temperature=3, top_p=0.7)) > 0).all()


def test_top_k_acts_before_top_p() -> None:
    # Of four equal tokens k leaves two, each now 1/2: p = 0.4 is reached by one. Before k it would take two.
    found = distribution(torch.zeros(4), SamplingSettings(top_k=2, top_p=0.4))
    assert found.tolist() == [1.0, 0.0, 0.0, 0.0]


@given(
    st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=12),
    st.floats(0.0625, 5, width=32),
    st.integers(1, 15),
    st.floats(0.0625, 1, width=32),
)
def test_filters_keep_what_they_promise(logits: list[float], t: float, k: int, p: float) -> None:
    row = torch.tensor(logits, dtype=torch.float64)
    kept_k, kept_p = top_k(row, k), top_p(row, p)
    assert int((kept_k > -math.inf).sum()) == min(k, len(logits))
    likely = temperature(row, 1)
    in_p = kept_p > -math.inf
    assert float(likely[in_p].sum()) >= p - 1e-12
    if p < 1:  # no kept token could be left out
        assert float(likely[in_p].sum() - likely[in_p].min()) < p + 1e-12
    for kept in (kept_k, kept_p):
        assert torch.equal(kept[kept > -math.inf], row[kept > -math.inf])
        assert int(kept.argmax()) == int(row.argmax())
    total = distribution(row, SamplingSettings(temperature=t, top_k=k, top_p=p)).sum()
    assert float(total) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"top_k": 1}, {"top_p": 1e-9}])
def test_three_ways_to_be_greedy_choose_the_same_token(settings: dict[str, float]) -> None:
    sampler = CategoricalSampler(SamplingSettings(**settings))
    assert sampler(torch.tensor(LOGITS), new_generator(0)) == 2  # ids 2 and 4 are equal: the lower one


def test_a_token_of_probability_zero_is_never_drawn() -> None:
    generator = new_generator(1)
    probabilities = torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0])
    assert {draw(probabilities, generator) for _ in range(500)} == {1, 3}


def test_a_random_number_at_either_end_draws_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities = torch.tensor([0.0, 0.3, 0.7, 0.0])
    for uniform, token in ((0.0, 1), (1.0, 2)):
        monkeypatch.setattr(torch, "rand", lambda *_, uniform=uniform, **__: torch.tensor(uniform, dtype=torch.float64))
        assert draw(probabilities) == token


def test_seeds_reproduce_and_requests_do_not_disturb_each_other() -> None:
    sampler, logits = CategoricalSampler(SamplingSettings()), torch.tensor(LOGITS)

    def drawn(seed: int | None, disturbed: bool = False) -> list[int]:
        generator, other, found = new_generator(seed), new_generator(99), []
        for _ in range(40):
            found.append(sampler(logits, generator))
            if disturbed:
                sampler(logits, other)
                torch.rand(3)
        return found

    assert drawn(5) == drawn(5) == drawn(5, disturbed=True)
    assert drawn(5) != drawn(6)
    assert drawn(None) != drawn(None)


def test_a_loop_of_ones_own_draws_from_the_seed_of_the_settings() -> None:
    def drawn(seed: int | None) -> list[int]:
        sampler = CategoricalSampler(SamplingSettings(seed=seed))
        return [sampler(torch.tensor(LOGITS), None) for _ in range(40)]

    assert drawn(5) == drawn(5)
    assert len(set(drawn(5))) > 1, "each draw goes on where the last one ended"
    assert drawn(5) != drawn(6)
    assert drawn(None) != drawn(None)


@pytest.mark.parametrize("bad", [[math.nan, 1.0], [math.inf, 1.0], [-math.inf, -math.inf]])
def test_a_broken_model_is_named_as_such(bad: list[float]) -> None:
    for settings in (SamplingSettings(), SamplingSettings(temperature=0)):
        with pytest.raises(GenerateError, match="weights are damaged or its training diverged"):
            CategoricalSampler(settings)(torch.tensor(bad), None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("temperature", "1"),
        ("top_k", 0),
        ("top_k", 2.0),
        ("top_k", True),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("top_p", math.nan),
        ("seed", -1),
        ("seed", 2**64),
    ],
)
def test_settings_outside_their_range_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(GenerateError, match=f"^{name} must be .* was "):
        SamplingSettings(**{name: value})


def test_an_empty_batch_stays_empty() -> None:
    rows = torch.zeros(0, 5)
    for found in (temperature(rows, 0.5), temperature(rows, 0), top_k(rows, 2), top_p(rows, 0.5)):
        assert found.shape == (0, 5)


@pytest.mark.parametrize("tiny", [1e-30, 1e-38, 1e-46, 5e-324])
def test_a_tiny_temperature_is_greedy(tiny: float) -> None:
    logits = torch.tensor([2.0, 1.0, 1.0, 0.0, -1.0])
    assert temperature(logits, tiny).tolist() == [1, 0, 0, 0, 0]
    assert distribution(logits, SamplingSettings(temperature=tiny, top_k=3)).tolist() == [1, 0, 0, 0, 0]
