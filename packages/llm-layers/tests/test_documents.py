"""Several documents in one row: each gets what it would get alone."""

import pytest
import torch

from llm_layers import EAGER, FAST, FUSED, LayersError, cross_entropy
from llm_layers.config import DESIGNS, GPT2

LENGTHS = (4, 1, 9, 3)
WITHOUT_PLACES = [design for design in DESIGNS if design.positions == "rotary"]
DOCUMENTS = torch.repeat_interleave(torch.tensor([7, 0, -2, 5]), torch.tensor(LENGTHS))[None]


@pytest.mark.parametrize("window", [None, 3], ids=["everything", "window"])
@pytest.mark.parametrize("kernels", [EAGER, FUSED, FAST], ids=["eager", "fused", "fast"])
@pytest.mark.parametrize("design", WITHOUT_PLACES, ids=lambda design: design.family)
def test_a_packed_document_is_what_it_is_alone(design, kernels, window, tokens, small_config, random_model):
    model = random_model(small_config(design=design, window=window), kernels=kernels).double()
    packed = model(tokens[:2], documents=DOCUMENTS.expand(2, -1))
    alone = [model(document) for document in tokens[:2].split(LENGTHS, dim=1)]
    torch.testing.assert_close(packed, torch.cat(alone, dim=1), rtol=0, atol=1e-10)
    assert not torch.allclose(model(tokens[:2]), packed, atol=1e-3), "without the mask it must be another answer"


@pytest.mark.parametrize("kernels", [EAGER, FUSED, FAST], ids=["eager", "fused", "fast"])
def test_so_are_its_gradients(kernels, tokens, small_config, random_model):
    model = random_model(small_config(), kernels=kernels).double()
    packed = torch.autograd.grad(model(tokens[:1], documents=DOCUMENTS).square().sum(), list(model.parameters()))
    alone = sum(model(document).square().sum() for document in tokens[:1].split(LENGTHS, dim=1))
    for one, other in zip(packed, torch.autograd.grad(alone, list(model.parameters())), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)


def test_rows_may_be_cut_differently_and_a_document_may_lie_in_pieces(model, tokens):
    documents = torch.stack([torch.zeros(17), torch.arange(17) // 5, torch.arange(17) % 2]).long()
    found = model(tokens, documents=documents)
    torch.testing.assert_close(found[0], model(tokens[:1])[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(found[1, 5:10], model(tokens[1:2, 5:10])[0], rtol=0, atol=1e-5)
    # Two documents in turns: what changes in one is not seen in the other.
    changed = tokens.clone()
    changed[2, 0::2] = (changed[2, 0::2] + 1) % 23
    again = model(changed, documents=documents)
    torch.testing.assert_close(again[2, 1::2], found[2, 1::2], rtol=0, atol=0)
    assert not torch.equal(again[2, 0::2], found[2, 0::2])


def test_learned_positions_count_on_across_a_border(tokens, small_config, random_model):
    model = random_model(small_config(design=GPT2, kv_heads=4)).double()
    packed = model(tokens[:1], documents=DOCUMENTS)
    first, second = tokens[:1, :4], tokens[:1, 4:5]
    torch.testing.assert_close(packed[:, :4], model(first), rtol=0, atol=1e-12)
    assert not torch.allclose(packed[:, 4:5], model(second), atol=1e-3)


def test_documents_and_a_cache_are_refused_together(model, tokens):
    cache = model.new_cache()
    with torch.inference_mode(), pytest.raises(LayersError, match="documents must be None with a cache"):
        model(tokens, cache, documents=DOCUMENTS.expand(3, -1))
    assert cache.length == 0


@pytest.mark.parametrize("kernels", [EAGER, FUSED, FAST], ids=["eager", "fused", "fast"])
def test_a_model_with_capped_logits_trains_through_its_logits(kernels, tokens, small_config, random_model):
    config = small_config(final_logit_softcap=5.0, attn_logit_softcap=9.0)
    model = random_model(config, kernels=kernels, dropout=0.1)
    with pytest.raises(LayersError, match="call the model for its logits"):
        _ = model.head_weight
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    documents, losses = DOCUMENTS.expand(3, -1), []
    for step in range(30):
        logits = model(tokens[:, :-1], documents=documents[:, :-1], row_keys=torch.arange(3) + 3 * step)
        loss = cross_entropy(logits, tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
