"""What the specification does not say of the feed-forward parts: the modules that hold their weights."""

import pytest
import torch

from llm_layers import (
    Decoder,
    Design,
    GeGLU,
    GeluFeedForward,
    ReluSquaredFeedForward,
    SwiGLU,
    geglu,
    gelu_feed_forward,
    relu_squared_feed_forward,
    swiglu,
)

PARTS = [
    (SwiGLU, swiglu, ["gate.weight", "up.weight", "down.weight"]),
    (GeGLU, geglu, ["gate.weight", "up.weight", "down.weight"]),
    (GeluFeedForward, gelu_feed_forward, ["up.weight", "up.bias", "down.weight", "down.bias"]),
    (ReluSquaredFeedForward, relu_squared_feed_forward, ["up.weight", "down.weight"]),
]
SHAPES = {"gate.weight": (7, 4), "up.weight": (7, 4), "up.bias": (7,), "down.weight": (4, 7), "down.bias": (4,)}


def filled(kind):
    module, generator = kind(4, 7), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(generator=generator)
    return module


@pytest.mark.parametrize(("kind", "function", "names"), PARTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_module_holds_the_layers_of_its_function(kind, function, names):
    module, x = filled(kind), torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    weights = module.state_dict()
    assert list(weights) == names
    assert {name: tuple(weight.shape) for name, weight in weights.items()} == {name: SHAPES[name] for name in names}
    assert torch.equal(module(x), function(x, *module.children()))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("design", ["swiglu", "geglu", "gelu", "relu_squared"])
def test_the_design_says_whether_there_are_biases(design, bias, small_config):
    choice = Design(family=None, feed_forward=design, biases="all" if bias else "none")
    part = Decoder(small_config(design=choice)).blocks[0].feed_forward
    assert [layer.bias is not None for layer in part.children()] == [bias] * len(list(part.children()))


def test_a_layer_may_be_replaced_by_any_other():
    module, x = filled(SwiGLU), torch.ones(1, 4)
    other = module.down = torch.nn.Linear(7, 4)
    assert torch.equal(module(x), other(torch.nn.functional.silu(module.gate(x)) * module.up(x)))


@pytest.mark.parametrize("kind", [part[0] for part in PARTS])
def test_each_position_is_worked_on_by_itself(kind):
    module, x = filled(kind), torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    one_by_one = torch.stack([torch.stack([module(vector) for vector in row]) for row in x])
    torch.testing.assert_close(module(x), one_by_one)


@pytest.mark.parametrize("kind", [part[0] for part in PARTS])
def test_every_weight_learns(kind):
    module, x = filled(kind), torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    module(x).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in module.parameters())


@pytest.mark.parametrize("kind", [GeGLU, GeluFeedForward])
def test_a_runaway_input_leaves_no_nan_in_bfloat16(kind):
    module = filled(kind).bfloat16()
    x = torch.full((1, 4), 1e16, dtype=torch.bfloat16, requires_grad=True)
    with torch.no_grad():
        module.up.weight.mul_(1e4)  # hidden numbers of about 1e20: their squares overflow
    module(x * torch.tensor([1.0, -1, 1, 1], dtype=torch.bfloat16)).sum().backward()
    assert all(part.grad.isfinite().all() for part in [x, *module.parameters()])
