"""The figures of initialization and of quantization: what they show must be what the pages say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import record_quantization
import torch
import weight_figures
from weight_figures import recorded

from llm_layers import Linear


@pytest.mark.parametrize(
    "figure", [weight_figures.codes_table, weight_figures.depth_growth, weight_figures.product_times]
)
def test_figures_are_one_piece_of_html(figure: Callable[[], str]) -> None:
    drawing = figure()
    assert drawing.startswith(("<svg", "<div")) and "\n" not in drawing


def test_the_stream_does_what_the_page_says() -> None:
    found = weight_figures.depth_variances()
    assert len({round(variance, 6) for variance in found["zero outputs"]}) == 1
    assert found["GPT-2"][-1] < 3 * found["GPT-2"][0]
    assert found["truncated"][-1] > 10 * found["truncated"][0]
    assert found["normal, 0.02"][-1] > 100 * found["normal, 0.02"][0]
    assert found["normal, 1"][1] > 1e6 * found["normal, 1"][0]


def test_the_recorded_model_loses_as_little_as_the_page_says() -> None:
    rows = {row["name"]: row["perplexity"] for row in recorded()["perplexities"]}
    plain = rows["float32"]
    assert abs(rows["int8"] / plain - 1) < 0.0001
    assert 0.004 < rows["int4, groups of 32"] / plain - 1 < 0.007
    assert abs(rows["int8, bfloat16 kernel"] / rows["int8"] - 1) < 0.0001
    small, middle, large = recorded()["times"]
    assert large["bfloat16_int8_linear"] < 0.6 * large["float32"]
    assert middle["float32"] < middle["bfloat16_int8_linear"] < 1.3 * middle["float32"]
    assert small["bfloat16_int8_linear"] > 2 * small["float32"]
    groups = [rows[f"int4, groups of {group}"] for group in (16, 32, 64)]
    assert groups == sorted(groups) and rows["int4, one scale per matrix"] > max(groups)


def test_rounding_with_shared_scales() -> None:
    model = torch.nn.Sequential(Linear(4, 2))
    weight = torch.tensor([[7.0, 0.4, 0.6, -3.0], [0.7, 0.14, -0.26, 0.0]])
    model[0].weight.data.copy_(weight)
    record_quantization.round_all(model, 7, record_quantization.rows_of)
    wanted = torch.tensor([[7.0, 0.0, 1.0, -3.0], [0.7, 0.1, -0.3, 0.0]])
    torch.testing.assert_close(model[0].weight.data, wanted)
    model[0].weight.data.copy_(weight)
    record_quantization.round_all(model, 7, lambda one: one)
    wanted = torch.tensor([[7.0, 0.0, 1.0, -3.0], [1.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(model[0].weight.data, wanted)


def test_a_product_is_timed_in_every_way() -> None:
    found = record_quantization.time_products(32, 64)
    assert found["shape"] == [32, 64] and len(found) == 6
    assert all(time > 0 for way, time in found.items() if way != "shape")
