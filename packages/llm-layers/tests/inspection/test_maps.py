from __future__ import annotations

import re

import pytest
import torch
from small_models import FAMILIES, family

from llm_layers import LayersError, attention_maps
from llm_layers.inspection import attention_page, attention_picture, record
from llm_layers.kernels import EAGER, FUSED

LABELS = [f"t{place}" for place in range(10)]


@pytest.mark.parametrize("kernels", [EAGER, FUSED], ids=["clear", "fused"])
@pytest.mark.parametrize("name", FAMILIES)
def test_the_maps_are_the_attention_weights_of_the_eager_kernel(name, kernels, ids):
    maps = attention_maps(family(name, kernels), ids)
    model = family(name)
    values = record(model, ids, gradients=False).values
    assert len(maps) == 3
    for layer, weights in enumerate(maps):
        assert weights.shape == (4, 10, 10)
        torch.testing.assert_close(weights, values[f"blocks.{layer}.attention.pattern"][0], rtol=0, atol=1e-6)
        window = model.config.window_of(layer) or 10
        distance = torch.arange(10)[:, None] - torch.arange(10)
        assert (weights[:, (distance < 0) | (distance >= window)] == 0).all()


def test_the_kernel_is_put_back_also_after_an_error(ids):
    model = family("qwen3")
    before = [block.attention.attend for block in model.blocks]
    attention_maps(model, ids)
    assert [block.attention.attend for block in model.blocks] == before
    with pytest.raises(LayersError, match="ids must lie between"):
        attention_maps(model, ids + 20)
    assert [block.attention.attend for block in model.blocks] == before


def test_a_picture_shows_each_weight_and_carries_its_colours(ids):
    maps = attention_maps(family("qwen3"), ids)
    drawn = attention_picture(maps, ["<&>", *LABELS[1:]], layer=1, head=2)
    assert drawn.count("<title>") == int((maps[1][2] >= 0.002).sum())
    assert f"t3 → t2: {maps[1][2][3, 2]:.4f}" in drawn
    assert "&lt;&amp;&gt;" in drawn
    assert "<&>" not in drawn
    assert "prefers-color-scheme: dark" in drawn
    assert attention_picture(maps, LABELS).count("layer ") == 3
    assert attention_picture(maps, LABELS, layer=2).count("head ") == 4
    with pytest.raises(LayersError, match="layer must be between 0 and 2, but was 3"):
        attention_picture(maps, LABELS, layer=3, head=0)


def test_a_page_needs_no_network_and_no_label_can_break_out(ids):
    maps = attention_maps(family("qwen3"), ids)
    shown = attention_page(maps, ["</script><script>alert(1)</script>", *LABELS[1:]], title="a < b")
    assert not re.search(r"https?:|url\(|@import|<link|src=", shown)
    assert shown.count("</script>") == 1
    assert "<title>a &lt; b</title>" in shown
    assert "prefers-color-scheme: dark" in shown
