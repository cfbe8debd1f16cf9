from __future__ import annotations

import re

import pytest
import torch
from small_models import FAMILIES, family

from llm_layers import LayersError, logit_lens
from llm_layers.inspection import lens_page
from llm_layers.inspection.table import lens_detail, lens_table, percent


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_layer_says_what_the_model_says(name, ids):
    model = family(name)
    lens = logit_lens(model, ids, top=3)
    probabilities = torch.softmax(model(ids)[0], dim=-1)
    assert lens.tokens.shape == lens.probabilities.shape == (4, 10, 3)
    torch.testing.assert_close(lens.probabilities[-1], probabilities.topk(3).values)
    assert torch.equal(lens.tokens[-1, :, 0], probabilities.argmax(-1))
    following = probabilities[torch.arange(9), ids[0, 1:]]
    torch.testing.assert_close(lens.true_probabilities[-1, :-1], following)
    for at in range(9):
        order = probabilities[at].argsort(descending=True).tolist()
        assert lens.ranks[-1, at] == order.index(int(ids[0, at + 1])) + 1
    assert lens.ranks[:, -1].eq(0).all()


def test_equally_likely_tokens_come_by_their_ids(ids):
    model = family("llama")
    with torch.no_grad():
        model.head_weight[[3, 9, 20]] = model.head_weight[5].clone()
    lens = logit_lens(model, ids, top=29)
    for row, probabilities in zip(
        lens.tokens.reshape(-1, 29).tolist(), lens.probabilities.reshape(-1, 29), strict=True
    ):
        assert probabilities.sort(descending=True).values.equal(probabilities)
        place = row.index(3)
        assert row[place : place + 4] == [3, 5, 9, 20]
    assert torch.equal(logit_lens(model, ids, top=1).tokens[..., 0], lens.tokens[..., 0])


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.0, "  0%"),
        (1e-9, " <1%"),
        (0.0049, " <1%"),
        (0.0051, "  1%"),
        (0.994, " 99%"),
        (0.9951, ">99%"),
        (1.0, "100%"),
    ],
)
def test_only_nothing_is_shown_as_nothing(share, shown):
    assert percent(share) == shown


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
    assert detail.splitlines()[0] == 'position 2, "<7>", followed in the text by "<28>"'
    assert len(detail.splitlines()) == 6
    shown = lens_page(lens, labels, str)
    assert shown.count('"rank"') == 4 * 10
    assert "\\u003c28>" in shown
    assert not re.search(r"https?:|url\(|@import|<link|src=", shown)
    with pytest.raises(LayersError, match="top must be at least 1"):
        logit_lens(family("llama"), ids, top=0)
