"""Rotary positions: the two orders of the pairs, and longer texts."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from llm_layers import (
    LayersError,
    LinearScaling,
    Llama3Scaling,
    YarnScaling,
    inverse_frequencies,
    rotary,
    rotary_interleaved,
    yarn_attention_factor,
    yarn_scaling,
)
from llm_layers.layers.rotary import rotary_angles

LLAMA3 = Llama3Scaling(factor=8.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_context=512)
SCALINGS = [LinearScaling(factor=4.0), LLAMA3, YarnScaling(factor=8.0, original_context=512)]


@pytest.mark.parametrize("d_head", [2, 6, 10, 64])
def test_interleaved_is_halved_in_another_order(d_head):
    order = torch.cat([torch.arange(0, d_head, 2), torch.arange(1, d_head, 2)])
    generator = torch.Generator().manual_seed(d_head)
    x = torch.randn(3, 5, d_head, generator=generator)
    rotation = rotary_angles(torch.tensor([0, 3, 1, 500, 3]), d_head, 500.0)
    assert torch.equal(rotary_interleaved(x, rotation)[..., order], rotary(x[..., order], rotation))
    if d_head > 2:
        assert not torch.equal(rotary_interleaved(x, rotation), rotary(x, rotation))


def test_reordered_query_and_key_weights_give_the_same_scores():
    # What a converter of interleaved weights does: the rows of each head are put into the order of halves.
    d_head, order = 8, torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 12, generator=generator, dtype=torch.float64)
    query, key = torch.randn(2, d_head, 12, generator=generator, dtype=torch.float64)
    rotation = rotary_angles(torch.arange(6), d_head, dtype=torch.float64)
    before = rotary_interleaved(x @ query.T, rotation) @ rotary_interleaved(x @ key.T, rotation).T
    after = rotary(x @ query[order].T, rotation) @ rotary(x @ key[order].T, rotation).T
    torch.testing.assert_close(after, before, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("scaling", [None, *SCALINGS], ids=str)
def test_scores_depend_on_distance_only_and_grow_by_the_square_of_the_temperature(scaling):
    generator = torch.Generator().manual_seed(2)
    query, key = torch.randn(2, 16, generator=generator, dtype=torch.float64)

    def score(place: int, other: int) -> float:
        rotations = (rotary_angles(torch.tensor(p), 16, 1000.0, torch.float64, scaling) for p in (place, other))
        return float(torch.dot(*(rotary(x, rotation) for x, rotation in zip((query, key), rotations, strict=True))))

    assert score(9, 4) == pytest.approx(score(2009, 2004), rel=1e-9)
    assert score(9, 4) != pytest.approx(score(9, 5), rel=1e-3)
    attention_factor = 1.0 if scaling is None else scaling.attention_scaling
    assert score(3, 3) == pytest.approx(float(query @ key) * attention_factor**2, rel=1e-12)


def test_linear_scaling_puts_a_late_position_where_an_early_one_stood():
    late = rotary_angles(torch.tensor([40, 400]), 8, 100.0, torch.float64, LinearScaling(factor=4.0))
    early = rotary_angles(torch.tensor([10, 100]), 8, 100.0, torch.float64)
    torch.testing.assert_close(late, early, rtol=1e-13, atol=1e-13)


def test_a_factor_of_one_changes_nothing():
    positions = torch.arange(3000)
    cosine, sine = rotary_angles(positions, 64, 1e6, torch.float32)
    same = rotary_angles(positions, 64, 1e6, torch.float32, LinearScaling(factor=1.0))
    assert torch.equal(same[0], cosine) and torch.equal(same[1], sine)
    frequencies = inverse_frequencies(64, 1e6, dtype=torch.float64)
    for scaling in (dataclasses.replace(LLAMA3, factor=1.0), YarnScaling(factor=1.0, original_context=512)):
        torch.testing.assert_close(scaling.scale(frequencies, 1e6), frequencies, rtol=1e-15, atol=0.0)
        assert scaling.attention_scaling == 1.0


@settings(max_examples=60, deadline=None)
@given(
    d_head=st.integers(2, 64).map(lambda pairs: 2 * pairs),
    base=st.floats(100.0, 1e6),
    factor=st.floats(1.0, 64.0),
    context=st.integers(128, 32768),
)
def test_scaled_frequencies_keep_their_order_and_lie_between_slowed_and_plain(d_head, base, factor, context):
    frequencies = inverse_frequencies(d_head, base, dtype=torch.float64)
    llama3 = dataclasses.replace(LLAMA3, factor=factor, original_context=context)
    for scaling in (LinearScaling(factor=factor), llama3, YarnScaling(factor=factor, original_context=context)):
        scaled = scaling.scale(frequencies, base)
        assert bool((scaled <= frequencies * (1 + 1e-12)).all()) and bool(
            (scaled >= frequencies / factor * (1 - 1e-12)).all()
        )
        assert bool((scaled.diff() < 0).all()), "two pairs have changed their order"


def test_anybodys_scaling_will_do():
    class Frozen:
        attention_scaling = 2.0

        def scale(self, frequencies, base):
            return torch.zeros_like(frequencies)

    cosine, sine = rotary_angles(torch.arange(4), 6, 100.0, torch.float32, Frozen())
    assert torch.equal(cosine, torch.full((4, 3), 2.0))
    assert not sine.any()


def test_the_temperature_is_the_papers_or_the_one_that_was_given():
    assert YarnScaling(factor=40.0, original_context=4096).attention_scaling == yarn_attention_factor(40.0)
    assert yarn_attention_factor(40.0) == pytest.approx(0.1 * math.log(40) + 1)
    assert YarnScaling(factor=40.0, original_context=4096, attention_factor=0.9).attention_scaling == 0.9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinearScaling(factor=0.0), "factor of LinearScaling must be a number above 0, but was 0.0"),
        (lambda: LinearScaling(factor=math.inf), "factor of LinearScaling must be a number above 0, but was inf"),
        (lambda: LinearScaling(factor=True), "factor of LinearScaling must be a number above 0, but was True"),
        (lambda: dataclasses.replace(LLAMA3, original_context=-1), "original_context of Llama3Scaling"),
        (lambda: dataclasses.replace(LLAMA3, low_frequency_factor=4.0), "high_frequency_factor must be greater"),
        (lambda: YarnScaling(factor=4.0, original_context=100, beta_slow=32.0), "beta_fast must be greater"),
        (lambda: YarnScaling(factor=4.0, original_context=100, attention_factor=0.0), "attention_factor of YarnSc"),
    ],
)
def test_a_setting_outside_its_range_is_refused(make, message):
    with pytest.raises(LayersError, match=message):
        make()


def test_a_factor_in_quotes_is_refused():
    refusals = LayersError, TypeCheckError  # where types are checked at run time, that comes first
    with pytest.raises(refusals, match=r"(?s)factor.*'4'"):
        LinearScaling(factor="4")


@pytest.mark.parametrize("context", [1, 10**12])
def test_a_training_length_without_any_passage_is_refused(context):
    with pytest.raises(LayersError, match=f"original_context must be a length in which .* but was {context}"):
        yarn_scaling(inverse_frequencies(8, 16.0), 16.0, 4.0, context)


def test_an_odd_width_is_refused():
    with pytest.raises(LayersError, match=r"d_head must be even.*but was 5"):
        inverse_frequencies(5, 100.0)


def test_bfloat16_angles_tell_positions_apart_that_bfloat16_cannot_count():
    positions = torch.tensor([256, 257])
    assert positions.bfloat16().unique().numel() == 1
    cosine, sine = rotary_angles(positions, 8, dtype=torch.bfloat16)
    assert cosine.dtype == torch.bfloat16
    assert not torch.equal(cosine[0], cosine[1])
    assert not torch.equal(sine[0], sine[1])
