"""Properties of added positions that no single golden shows, their modules and errors."""

import pytest
import torch

from llm_layers import LayersError, LearnedPositions, SinusoidalPositions, learned_positions, sinusoidal_positions


def test_the_module_adds_its_rows():
    layer = LearnedPositions(6, 4)
    assert layer.table.shape == (6, 4)
    with torch.no_grad():
        layer.table.copy_(torch.arange(24.0).reshape(6, 4))
    x = torch.ones(2, 3, 4)
    positions = torch.tensor([5, 0, 2])
    assert torch.equal(layer(x, positions), x + layer.table[positions])


@pytest.mark.parametrize("position", [6, -1])
def test_a_position_without_a_row_is_refused_with_what_to_do(position):
    with pytest.raises(LayersError, match=r"between 0 and 5.*from .* to .*: shorten the text or use a longer table"):
        learned_positions(torch.zeros(2, 4), torch.zeros(6, 4), torch.tensor([1, position]))


def test_the_dot_product_of_two_rows_depends_on_their_distance_only():
    rows = sinusoidal_positions(torch.arange(200), 16, 100.0, dtype=torch.float64)
    products = rows @ rows.T
    for distance in (0, 1, 7):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-12, atol=1e-12)
    assert products[0, 0] > products[0, 1] > products[0, 2]


def test_three_places_further_is_one_linear_map_for_all_places():
    rows = sinusoidal_positions(torch.arange(60), 8, 100.0, dtype=torch.float64)
    found = torch.linalg.lstsq(rows[:-3], rows[3:]).solution
    torch.testing.assert_close(rows[:-3] @ found, rows[3:], rtol=1e-10, atol=1e-10)


def test_bfloat16_waves_tell_positions_apart_that_bfloat16_cannot_count():
    positions = torch.tensor([256, 257])
    assert positions.bfloat16().unique().numel() == 1
    rows = sinusoidal_positions(positions, 8, dtype=torch.bfloat16)
    assert rows.dtype == torch.bfloat16
    assert not torch.equal(rows[0], rows[1])


def test_the_module_adds_the_waves_and_holds_no_weights():
    layer = SinusoidalPositions(8, base=50.0)
    x, positions = torch.randn(2, 5, 8), torch.arange(3, 8)
    assert torch.equal(layer(x, positions), x + sinusoidal_positions(positions, 8, 50.0))
    assert not layer.state_dict()


def test_an_odd_width_is_refused():
    with pytest.raises(LayersError, match=r"d_model must be even.*but was 7"):
        sinusoidal_positions(torch.arange(3), 7)
