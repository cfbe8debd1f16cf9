"""Mixture of experts: what the specification does not reach — the module, its errors, and what is left uncomputed."""

import pytest
import torch

from llm_layers import (
    LayersError,
    MixtureOfExperts,
    load_balancing_loss,
    mixture_of_experts,
    router_z_loss,
    top_k_router,
)


@pytest.fixture
def layer():
    torch.manual_seed(0)
    layer = MixtureOfExperts(6, 4, experts=5, per_token=2)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return layer


@pytest.mark.parametrize("normalized", [True, False])
def test_the_module_is_the_function(layer, normalized):
    layer.norm_topk_prob = normalized
    x = torch.randn(2, 3, 6)
    wanted = mixture_of_experts(x, layer.router, layer.gate, layer.up, layer.down, 2, normalized)
    torch.testing.assert_close(layer(x), wanted, rtol=0, atol=0)


def test_the_weights_are_stored_output_first(layer):
    shapes = {name: tuple(weight.shape) for name, weight in layer.named_parameters()}
    assert shapes == {"router.weight": (5, 6), "gate": (5, 4, 6), "up": (5, 4, 6), "down": (5, 6, 4)}


def test_an_expert_that_nobody_chose_is_not_computed(layer):
    x = torch.randn(4, 6)
    with torch.no_grad():
        layer.router.weight[3] = -100 * layer.router.weight[:3].mean(0)
        layer.router.weight[3] -= 1000 * x.sum(0)
        chosen = top_k_router(layer.router(x), 2)[1]
    unused = sorted(set(range(5)) - set(chosen.flatten().tolist()))
    assert unused, "the router must leave an expert out"
    with torch.no_grad():
        for weight in (layer.gate, layer.up, layer.down):
            weight[unused] = torch.nan
    y = layer(x)
    y.sum().backward()
    assert y.isfinite().all()
    for weight in (layer.gate, layer.up, layer.down):
        assert (weight.grad[unused] == 0).all()
        assert weight.grad.isfinite().all()


def test_a_batch_without_tokens_trains(layer):
    x = torch.zeros(0, 6, requires_grad=True)
    y = layer(x)
    assert y.shape == (0, 6)
    y.sum().backward()
    assert x.grad.shape == (0, 6)


def test_tokens_do_not_see_each_other(layer):
    x = torch.randn(7, 6)
    torch.testing.assert_close(layer(x)[3], layer(x[3]), rtol=1e-5, atol=1e-6)


def test_a_hook_on_the_router_sees_the_logits(layer):
    seen = []
    layer.router.register_forward_hook(lambda module, inputs, output: seen.append(output))
    layer(torch.randn(2, 3, 6))
    assert seen[0].shape == (2, 3, 5)
    (load_balancing_loss(seen[0], 2) + router_z_loss(seen[0])).backward()
    assert layer.router.weight.grad.abs().sum() > 0


def test_the_balance_loss_spreads_tokens_that_nearly_all_went_to_one_expert():
    torch.manual_seed(0)
    x = torch.randn(256, 8)
    x[:, 0] = 1
    router = torch.randn(4, 8)
    router[0, 0] = 6.0  # nearly every token points to expert 0
    router.requires_grad_()
    optimizer = torch.optim.SGD([router], lr=0.3)

    def largest_part():
        chosen = top_k_router(x @ router.T, 1)[1]
        return torch.bincount(chosen.flatten(), minlength=4).max().item() / len(x)

    assert largest_part() > 0.85
    for _ in range(200):
        optimizer.zero_grad()
        load_balancing_loss(x @ router.T, 1).backward()
        optimizer.step()
    assert largest_part() < 0.3


def test_routing_weights_are_computed_in_float32():
    logits = torch.tensor([[3.0, 1.0, 0.5, 0.25]], dtype=torch.bfloat16)
    weights, _ = top_k_router(logits, 2)
    assert weights.dtype == torch.bfloat16
    exact, _ = top_k_router(logits.float(), 2)
    torch.testing.assert_close(weights, exact.to(torch.bfloat16), rtol=0, atol=0)


@pytest.mark.parametrize("k", [0, 4, -1])
def test_a_wrong_number_of_experts_is_explained(k):
    with pytest.raises(LayersError, match=f"k must lie between 1 and 3, the number of experts, but was {k}"):
        top_k_router(torch.zeros(2, 3), k)
    with pytest.raises(LayersError, match=f"per_token must lie between 1 and 3, .* but was {k}"):
        MixtureOfExperts(2, 2, experts=3, per_token=k)
