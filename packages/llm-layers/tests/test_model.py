"""Properties of the whole model that no single golden shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from llm_layers import (
    EAGER,
    FUSED,
    Decoder,
    GrowingCache,
    KeyValueCache,
    LanguageModel,
    LayersError,
    cross_entropy,
    linear_cross_entropy,
    rotary,
)
from llm_layers.config import GPT2, QWEN3
from llm_layers.layers.rotary import rotary_angles


def test_a_changed_future_leaves_the_past_bit_equal(model, tokens):
    before = model(tokens)
    changed = tokens.clone()
    changed[:, 9] = (changed[:, 9] + 1) % 23
    after = model(changed)
    assert torch.equal(before[:, :9], after[:, :9])
    assert not torch.equal(before[:, 9], after[:, 9])
    assert not torch.equal(before[:, 16], after[:, 16]), "the past must reach the last position"


def test_rows_of_a_batch_do_not_see_each_other(model, tokens):
    torch.testing.assert_close(model(tokens)[1:2], model(tokens[1:2]), rtol=0, atol=1e-5)


def test_rotation_keeps_length_and_depends_on_distance_only():
    generator = torch.Generator().manual_seed(2)
    query, key = torch.randn(2, 8, generator=generator, dtype=torch.float64)

    def score(place: int, other: int) -> float:
        angles = [rotary_angles(torch.tensor(position), 8, 100.0, torch.float64) for position in (place, other)]
        rotated = [rotary(x, rotation) for x, rotation in zip((query, key), angles, strict=True)]
        assert rotated[0].norm().item() == pytest.approx(query.norm().item(), rel=1e-14)
        return float(rotated[0] @ rotated[1])

    assert score(7, 3) == pytest.approx(score(1007, 1003), rel=1e-10)
    assert score(7, 3) != pytest.approx(score(8, 3), rel=1e-3)


@pytest.mark.parametrize(("design", "same"), [(QWEN3, True), (GPT2, False)], ids=["rotary", "learned"])
def test_the_model_sees_distance_not_place(design, same, tokens, small_config, random_model):
    # A window of 4 in a model of one block: the last token of the text cannot see whether 9 foreign tokens came before
    # its own, and its positions are 9 higher then. Learned positions notice.
    model = random_model(small_config(layers=1, design=design, kv_heads=4, window=4)).double()
    late = torch.cat((tokens[:1, :9].flip(1), tokens[:1]), dim=1)
    near = torch.allclose(model(late)[0, -1], model(tokens[:1])[0, -1], rtol=0, atol=1e-12)
    assert near is same


@pytest.mark.parametrize("cuts", [(1,) * 17, (5, 1, 1, 10), (16, 1), (17,)])
def test_cached_equals_uncached(model, tokens, cuts):
    model = model.double()
    with torch.inference_mode():
        cache, parts = model.new_cache(), []
        for part in tokens.split(cuts, dim=1):
            parts.append(model(part, cache))
        assert cache.length == 17
        torch.testing.assert_close(torch.cat(parts, dim=1), model(tokens), rtol=0, atol=1e-13)


def test_a_truncated_cache_forgets(model, tokens):
    model = model.double()
    with torch.inference_mode():
        cache = model.new_cache()
        model(tokens[:, :10], cache)
        cache.truncate(6)
        torch.testing.assert_close(model(tokens[:, 6:], cache), model(tokens)[:, 6:], rtol=0, atol=1e-13)
        with pytest.raises(LayersError, match="between 0 and 17"):
            cache.truncate(18)


def test_a_cache_refuses_gradients_instead_of_losing_them(model, tokens):
    with pytest.raises(LayersError, match="inference_mode"):
        model(tokens, model.new_cache())


@pytest.mark.parametrize("layers", [1, 3])
def test_a_cache_of_another_depth_is_refused_before_it_is_filled(model, tokens, layers):
    cache = KeyValueCache([GrowingCache() for _ in range(layers)])
    with torch.inference_mode(), pytest.raises(LayersError, match=f"each of the 2 blocks .* but has {layers}"):
        model(tokens, cache)
    assert [layer.length for layer in cache.layers] == [0] * layers


def test_both_attention_kernels_give_the_same_model(tokens, small_config, random_model):
    clear, fused = (random_model(small_config(), kernels=kernels) for kernels in (EAGER, FUSED))
    torch.testing.assert_close(clear(tokens), fused(tokens), rtol=0, atol=1e-5)


def test_the_first_loss_is_that_of_an_even_guess(tokens, small_config):
    for tied in (False, True):
        model = Decoder(small_config(tied_embeddings=tied, d_model=96), generator=torch.Generator().manual_seed(0))
        loss = cross_entropy(model(tokens[:, :-1]), tokens[:, 1:])
        assert loss.item() == pytest.approx(torch.tensor(23.0).log().item(), abs=0.1)


def test_initial_values_follow_the_generator(small_config):
    first, second = (Decoder(small_config(), generator=torch.Generator().manual_seed(3)) for _ in range(2))
    other = Decoder(small_config(), generator=torch.Generator().manual_seed(4))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.embedding.table, other.embedding.table)


def test_a_few_steps_lower_the_loss(tokens, small_config):
    model = Decoder(small_config(), generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        loss = cross_entropy(model(tokens[:, :-1]), tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in model.parameters())


@pytest.mark.parametrize("rows", [1, 7, 1024])
def test_the_chunked_loss_equals_the_whole_one(model, tokens, rows):
    model = model.double()
    targets = tokens.roll(-1, 1).clone()
    targets[0, 3:9] = -100
    whole = cross_entropy(model(tokens), targets)
    wanted = torch.autograd.grad(whole, list(model.parameters()))
    chunked = linear_cross_entropy(model.hidden(tokens), model.head_weight, targets, rows=rows)
    found = torch.autograd.grad(chunked * 1.0, list(model.parameters()))
    torch.testing.assert_close(chunked, whole, rtol=1e-12, atol=0)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-13)


def test_bfloat16_stays_near_float32(model, tokens):
    exact = model(tokens)
    rough = model.to(torch.bfloat16)(tokens)
    assert rough.dtype == torch.bfloat16
    assert ((rough.float() - exact).norm() / exact.norm()).item() < 0.05


def test_mistakes_in_the_call_are_explained(model, tokens):
    with pytest.raises(LayersError, match=r"between 0 and 22.*went from .* to 23"):
        model(tokens.clone().fill_(23))
    with pytest.raises(LayersError, match="context of 32 positions, but reach position 33"):
        model(torch.zeros(1, 33, dtype=torch.long))
    with torch.inference_mode():
        cache = model.new_cache()
        model(tokens, cache)
        with pytest.raises(LayersError, match="reach position 34"):
            model(tokens, cache)


def test_the_decoder_honors_the_protocol(model):
    assert isinstance(model, LanguageModel)
    assert (model.vocab_size, model.context_length, model.new_cache().length) == (23, 32, 0)


def test_empty_text_gives_no_logits(model):
    assert model(torch.zeros(2, 0, dtype=torch.long)).shape == (2, 0, 23)


ODD_IDS = """
import torch
from conftest import make_config, make_model
from llm_layers import LayersError
model = make_model(make_config())
for ids in (torch.tensor([1, 2, 3]), [[1, 2]], torch.tensor([[1.0, 2.0]])):
    for call in (model, model.hidden):
        try:
            call(ids)
        except LayersError as error:
            print(error)
print(tuple(model(torch.tensor([[1, 2]], dtype=torch.int32)).shape))
"""


def test_ids_of_another_form_are_refused_in_a_sentence():
    """In a process of its own, because run-time type checks would refuse them before the model does."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", ODD_IDS],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = "tokens must be an integer tensor of shape (batch, position), but was "
    kinds = ["torch.int64 of shape (3,)", "list", "torch.float32 of shape (1, 2)"]
    *lines, shape = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [told + kind for kind in kinds for _ in range(2)], done.stderr
    assert shape == "(1, 2, 23)"
