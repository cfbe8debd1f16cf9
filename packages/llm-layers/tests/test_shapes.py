"""Shapes in signatures are true: beartype reads them here at run time."""

import inspect

import pytest
import torch
from beartype import beartype
from jaxtyping import jaxtyped

import llm_layers as L

FUNCTIONS = [
    L.embedding, L.rms_norm, L.rotary, L.softmax, L.causal_mask, L.attention, L.fused_attention, L.swiglu,
    L.cross_entropy, L.head_cross_entropy,
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_function_says_its_shapes(function):
    hints = inspect.get_annotations(function)
    arrays = [hint for hint in hints.values() if "Float[" in str(hint) or "Int[" in str(hint) or "Bool[" in str(hint)]
    assert arrays, f"{function.__name__} must say its shapes"
    jaxtyped(function, typechecker=beartype)


def checked(function):
    return jaxtyped(function, typechecker=beartype)


def test_right_shapes_pass():
    x = torch.randn(2, 3, 4)
    assert checked(L.rms_norm)(x, torch.ones(4), 1e-6).shape == x.shape
    assert checked(L.rotary)(x, torch.arange(3), 10.0).shape == x.shape
    assert checked(L.softmax)(x, 1).shape == x.shape
    mask = checked(L.causal_mask)(torch.arange(3), torch.arange(3))
    for kernel in (L.attention, L.fused_attention):
        assert checked(kernel)(x, x, x, mask).shape == x.shape
        grouped = torch.randn(2, 2, 5, 3, 4)
        assert checked(kernel)(grouped, grouped[:, :, :1], grouped[:, :, :1], mask).shape == grouped.shape
    weight = torch.randn(6, 4)
    assert checked(L.swiglu)(x, weight, weight, weight.T).shape == x.shape
    assert checked(L.cross_entropy)(x, torch.zeros(2, 3, dtype=torch.long)).shape == ()
    assert checked(L.head_cross_entropy)(x, weight, torch.zeros(2, 3, dtype=torch.long)).shape == ()
    assert checked(L.embedding)(torch.zeros(2, dtype=torch.long), weight).shape == (2, 4)


def test_wrong_shapes_do_not_pass():
    x = torch.randn(2, 3, 4)
    for call in (
        lambda: checked(L.rms_norm)(x, torch.ones(1), 1e-6),
        lambda: checked(L.attention)(x, torch.randn(2, 3, 1), x, None),
        lambda: checked(L.cross_entropy)(x, torch.zeros(2, 1, dtype=torch.long)),
        lambda: checked(L.embedding)(torch.zeros(2), x[0]),
    ):
        with pytest.raises(Exception, match=r"[Tt]ype"):
            call()
