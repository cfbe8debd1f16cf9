"""The fast kernels: bound by the contracts also in their smallest parts, and a whole model like the clear one."""

import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch

from llm_layers import (
    EAGER,
    FAST,
    Experts,
    LayersError,
    attention,
    causal_mask,
    cross_entropy,
    linear_cross_entropy,
    sliding_window_mask,
)
from llm_layers.config import DESIGNS, QWEN3_MOE, Design
from llm_layers.kernels.attention import attention as fast_attention
from llm_layers.spec import SPECIFICATION, fast
from llm_tokenizer.conformance import Implementation
from llm_tokenizer.conformance.harness import PASS, UNWRITTEN, check_implementation


def draw(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=dtype)


def verdicts(module=fast):
    trial = check_implementation(SPECIFICATION, Implementation(module, arrays="torch", name="fast"))
    return {verdict.contract.id: verdict.status for verdict in trial.verdicts if verdict.status != UNWRITTEN}


def experts_of(design):
    return Experts(count=5, per_token=2, d_expert=7) if design is QWEN3_MOE else None


def one_by_one(rows, width):
    return (slice(row, row + 1) for row in range(rows))


def test_every_fast_kernel_meets_its_contract():
    found = verdicts()
    assert {f"layers.{name}" for name in fast.__all__} == set(found)
    assert set(found.values()) == {PASS}


def test_the_contracts_hold_when_everything_is_done_in_the_smallest_parts(monkeypatch):
    smallest = {"attention": {"QUERIES": 2, "SCORES": 0, "TOGETHER": 1}, "norm": {"blocks": one_by_one}}
    for room, values in smallest.items():
        for name, value in values.items():
            monkeypatch.setattr(import_module(f"llm_layers.kernels.{room}"), name, value)
    assert set(verdicts().values()) == {PASS}


@pytest.mark.parametrize("kept", [0, 2**30], ids=["made again", "kept"])
@pytest.mark.parametrize("kind", ["causal", "window", "none", "shuffled", "own", "blind"])
def test_attention_by_blocks_is_attention(kind, kept, monkeypatch):
    monkeypatch.setattr(import_module("llm_layers.kernels.attention"), "SCORES", kept)
    places = torch.arange(150)
    order = torch.randperm(150, generator=torch.Generator().manual_seed(0))
    masks = {
        "causal": causal_mask(places, places),
        "window": sliding_window_mask(places, places, 20),
        "none": None,
        "shuffled": causal_mask(order, order),
        "own": draw(2, 1, 1, 150, 150) > 0,
        "blind": causal_mask(places, places + 70),
    }
    given = [draw(2, 2, 3, 150, 8), draw(2, 2, 1, 150, 8), draw(2, 2, 1, 150, 8)]
    answers = []
    for kernel in (attention, fast_attention):
        inputs = [x.clone().requires_grad_() for x in given]
        y = kernel(*inputs, masks[kind])
        answers.append((y, *torch.autograd.grad(y, inputs, draw(*y.shape))))
    for clear, quick in zip(*answers, strict=True):
        torch.testing.assert_close(quick, clear, rtol=0, atol=1e-12)


@pytest.mark.parametrize("design", [*DESIGNS, Design(family=None, feed_forward="relu_squared")], ids=lambda d: d.family)
def test_a_fast_model_is_the_clear_model(design, small_config, random_model, tokens):
    config = small_config(design=design, window=5, experts=experts_of(design))
    found = []
    for chosen in (EAGER, FAST):
        model = random_model(config, kernels=chosen).double()
        logits = model(tokens)
        loss = linear_cross_entropy(model.hidden(tokens), model.head_weight, tokens)
        found.append((logits, loss, *torch.autograd.grad(loss, list(model.parameters()))))
    for clear, quick in zip(*found, strict=True):
        torch.testing.assert_close(quick, clear, rtol=1e-9, atol=1e-11)


def test_a_model_is_one_piece_for_a_compiler():
    script = Path(__file__).with_name("one_piece.py")  # says why it is a process of its own
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert (done.stdout.split(), done.returncode) == (["gpt2", "qwen3", "gemma3"], 0), done.stderr


def test_decoding_with_a_cache_is_the_same(small_config, random_model, tokens):
    model = random_model(small_config(), kernels=FAST).double()
    cache = model.new_cache()
    with torch.inference_mode():
        parts = [model(part, cache) for part in tokens.split([9, 1, 7], dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(tokens), rtol=0, atol=1e-12)


def test_bfloat16_is_as_near_to_the_truth_as_with_the_clear_kernels(small_config, random_model, tokens):
    def gradients(kernels, precision, low):
        model = random_model(small_config(), kernels=kernels).to(precision)
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            loss = cross_entropy(model(tokens), tokens)
        loss.backward()
        return torch.cat([weight.grad.double().flatten() for weight in model.parameters()])

    truth = gradients(EAGER, torch.float64, False)
    for precision, low in ((torch.float32, True), (torch.bfloat16, False)):
        clear, quick = (gradients(kernels, precision, low) for kernels in (EAGER, FAST))
        assert not torch.equal(quick, truth)
        assert (quick - truth).norm() < 1.5 * (clear - truth).norm()


def test_one_function_can_be_exchanged(small_config, random_model, tokens):
    seen = []

    def noted(x, gain, eps):
        seen.append(x.shape)
        return EAGER.rms_norm(x, gain, eps)

    model = random_model(small_config(), kernels=replace(EAGER, rms_norm=noted))
    torch.testing.assert_close(model(tokens), random_model(small_config())(tokens), rtol=0, atol=0)
    assert len(seen) == 2 * 4 + 1  # two in front of the parts and two for queries and keys in each block, and the last


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: d.family)
def test_the_linear_kernel_multiplies_by_every_matrix(design, small_config, random_model, tokens):
    met = set()

    def noted(x, weight, bias):
        met.add(weight.untyped_storage().data_ptr())
        return EAGER.linear(x, weight, bias)

    model = random_model(small_config(design=design, experts=experts_of(design)), kernels=replace(EAGER, linear=noted))
    model(tokens)
    matrices = {name: w for name, w in model.named_parameters() if w.dim() > 1 and not name.endswith("table")}
    assert [name for name, w in matrices.items() if w.untyped_storage().data_ptr() not in met] == []


def test_a_second_derivative_is_refused_and_not_wrong():
    x, gain = draw(2, 4).requires_grad_(), torch.ones(4, dtype=torch.float64)
    (dx,) = torch.autograd.grad((FAST.rms_norm(x, gain, 1e-6) ** 2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        dx.sum().backward()


def test_a_mask_that_is_changed_is_read_anew():
    query, key, value = draw(1, 3, 4), draw(1, 3, 4), draw(1, 3, 4)
    mask = torch.ones(3, 3, dtype=torch.bool).tril_()
    for _ in range(2):
        torch.testing.assert_close(fast_attention(query, key, value, mask), attention(query, key, value, mask))
        mask[2, 0] = False
    with torch.inference_mode():
        unseen = mask.clone()
        for _ in range(2):
            torch.testing.assert_close(fast_attention(query, key, value, unseen), attention(query, key, value, unseen))
            unseen[1, 0] = False


def test_ids_beyond_the_vocabulary_are_explained(small_config, random_model):
    with pytest.raises(LayersError, match="ids must lie between"):
        random_model(small_config(), kernels=FAST)(torch.tensor([[23]]))
