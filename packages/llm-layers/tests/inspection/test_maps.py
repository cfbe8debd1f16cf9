from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from small_models import FAMILIES, family

from llm_layers import LayersError, attention_maps
from llm_layers.inspection import attention_page, attention_picture, record
from llm_layers.inspection.picture import write_picture
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


def test_a_picture_shows_the_weights_and_names_the_tokens(ids, tmp_path):
    maps = attention_maps(family("qwen3"), ids)
    labels = ["<&>", "$a$", "漢字", *LABELS[3:]]
    drawn = attention_picture(maps, labels, layer=1, head=2)
    (axes,) = drawn.axes
    np.testing.assert_array_equal(axes.images[0].get_array(), maps[1][2])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == labels
    for name in ("head.svg", "again.svg", "head.png"):
        write_picture(attention_picture(maps, labels, layer=1, head=2), tmp_path / name)
    svg = (tmp_path / "head.svg").read_text(encoding="utf-8")
    assert all(words in svg for words in ("&lt;&amp;&gt;", "$a$", "漢字", "layer 1, head 2"))
    assert svg == (tmp_path / "again.svg").read_text(encoding="utf-8")
    assert len(attention_picture(maps, LABELS).axes) == 3 * 4
    assert len(attention_picture(maps, LABELS, layer=2).axes) == 4
    with pytest.raises(LayersError, match="layer must be between 0 and 2, but was 3"):
        attention_picture(maps, LABELS, layer=3, head=0)


def test_a_missing_matplotlib_is_said_at_once(monkeypatch):
    monkeypatch.setattr("llm_layers.inspection.picture.find_spec", lambda name: None)
    with pytest.raises(LayersError, match="pip install matplotlib"):
        attention_picture([torch.eye(2)[None]], LABELS[:2])


def test_a_page_needs_no_network_and_no_label_can_break_out(ids):
    maps = attention_maps(family("qwen3"), ids)
    shown = attention_page(maps, ["</script><script>alert(1)</script>", *LABELS[1:]], title="a < b")
    assert not re.search(r"https?:|url\(|@import|<link|src=", shown)
    assert shown.count("</script>") == 1
    assert "<title>a &lt; b</title>" in shown
    assert "prefers-color-scheme: dark" in shown
