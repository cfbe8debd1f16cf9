"""What the specification does not say of linear maps: the module."""

import torch
from torch import nn

from llm_layers import Linear, linear


def test_it_takes_the_weights_of_torchs_own_and_gives_the_same_numbers():
    torch.manual_seed(0)
    for bias in (True, False):
        theirs = nn.Linear(5, 3, bias=bias)
        ours = Linear(5, 3, bias=bias)
        ours.load_state_dict(theirs.state_dict())
        for dtype in (torch.float32, torch.bfloat16):
            x = torch.randn(2, 4, 5).to(dtype)
            assert torch.equal(ours.to(dtype)(x), theirs.to(dtype)(x))


def test_a_bias_starts_at_zero_and_is_there_only_when_asked_for():
    assert torch.equal(Linear(4, 2, bias=True).bias, torch.zeros(2))
    assert Linear(4, 2).bias is None
    assert list(Linear(4, 2).state_dict()) == ["weight"]
    assert Linear(4, 2).weight.shape == (2, 4)


def test_two_linear_layers_in_a_row_are_one():
    generator = torch.Generator().manual_seed(1)
    x, first, second = (torch.randn(4, 4, generator=generator, dtype=torch.float64) for _ in range(3))
    torch.testing.assert_close(linear(linear(x, first), second), linear(x, second @ first), rtol=1e-13, atol=1e-13)
