from __future__ import annotations

import re

import pytest
import torch
from small_models import FAMILIES, family

from llm_layers import LayersError, logit_lens
from llm_layers.inspection import lens_page
from llm_layers.inspection.table import lens_detail, lens_table


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_layer_says_what_the_model_says(name, ids):
    model = family(name)
    lens = logit_lens(model, ids, top=3)
    shares = torch.softmax(model(ids)[0], dim=-1)
    assert lens.tokens.shape == lens.probabilities.shape == (4, 10, 3)
    torch.testing.assert_close(lens.probabilities[-1], shares.topk(3).values)
    assert torch.equal(lens.tokens[-1, :, 0], shares.argmax(-1))
    following = shares[torch.arange(9), ids[0, 1:]]
    torch.testing.assert_close(lens.chances[-1, :-1], following)
    for at in range(9):
        order = shares[at].argsort(descending=True).tolist()
        assert lens.ranks[-1, at] == order.index(int(ids[0, at + 1])) + 1
    assert lens.ranks[:, -1].eq(0).all()


def test_the_first_row_reads_the_embedding(ids):
    model = family("llama")
    lens = logit_lens(model, ids)
    logits = model.final_norm(model.embedding(ids)) @ model.head_weight.T
    torch.testing.assert_close(lens.probabilities[0], torch.softmax(logits[0], -1).topk(5).values)


def test_table_and_page_show_it(ids):
    lens = logit_lens(family("llama"), ids)
    labels = [f"<{id}>" for id in ids[0].tolist()]
    table = lens_table(lens, labels, str)
    assert len(table.splitlines()) == 11
    assert "block 2" in table.splitlines()[0]
    detail = lens_detail(lens, labels, str, 2)
    assert detail.splitlines()[0] == "position 2, <7>, in the text comes <28>"
    assert len(detail.splitlines()) == 6
    shown = lens_page(lens, labels, str)
    assert shown.count("<td") == 4 * 10
    assert "&lt;28&gt;" in shown
    assert not re.search(r"https?:|url\(|@import|<link|src=", shown)
    with pytest.raises(LayersError, match="top must be at least 1"):
        logit_lens(family("llama"), ids, top=0)
