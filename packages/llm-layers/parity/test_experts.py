"""Our mixture of experts beside transformers' Qwen3-MoE: outputs, all gradients, and the balance loss."""

import pytest
import torch

from llm_layers import MixtureOfExperts, load_balancing_loss

qwen3_moe = pytest.importorskip("transformers.models.qwen3_moe.modeling_qwen3_moe")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("norm_topk_prob", [True, False])
def test_the_layer_is_that_of_qwen3_moe(norm_topk_prob, dtype):
    torch.manual_seed(0)
    config = qwen3_moe.Qwen3MoeConfig(
        hidden_size=64, moe_intermediate_size=48, num_experts=16, num_experts_per_tok=4, norm_topk_prob=norm_topk_prob
    )
    theirs = qwen3_moe.Qwen3MoeSparseMoeBlock(config).to(dtype)
    for weight in theirs.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    ours = MixtureOfExperts(64, 48, 16, 4, norm_topk_prob=norm_topk_prob).to(dtype)
    gate, up = theirs.experts.gate_up_proj.detach().chunk(2, 1)
    with torch.no_grad():
        ours.router.weight.copy_(theirs.gate.weight)
        ours.gate.copy_(gate)
        ours.up.copy_(up)
        ours.down.copy_(theirs.experts.down_proj)
    x = torch.randn(2, 33, 64, dtype=dtype)
    dy = torch.randn(2, 33, 64, dtype=dtype)
    found, wanted = _walk(ours, x, dy), _walk(theirs, x, dy)
    bound = 1e-6 if dtype == torch.float32 else 0.02
    for one, other in zip(found, wanted, strict=True):
        assert ((one - other).abs().max() / other.abs().max()).item() < bound


def _walk(layer, x, dy):
    """The output and the gradients of x, the router and the experts' weights."""
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward(dy)
    if isinstance(layer, MixtureOfExperts):
        both = torch.cat([layer.gate.grad, layer.up.grad], 1)
        return y.detach(), x.grad, layer.router.weight.grad, both, layer.down.grad
    experts = layer.experts
    return y.detach(), x.grad, layer.gate.weight.grad, experts.gate_up_proj.grad, experts.down_proj.grad


def test_the_balance_loss_is_that_of_transformers():
    torch.manual_seed(0)
    logits = torch.randn(3, 40, 16)  # layers, tokens, experts
    wanted = qwen3_moe.load_balancing_loss_func(tuple(logits), 16, 4)
    torch.testing.assert_close(load_balancing_loss(logits, 4), wanted, rtol=1e-6, atol=0)
