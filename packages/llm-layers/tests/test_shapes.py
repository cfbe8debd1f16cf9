"""Shapes in signatures are true: beartype reads them here at run time."""

import inspect

import pytest
import torch
from beartype import beartype
from jaxtyping import jaxtyped

import llm_layers as L
from llm_layers.layers.rotary import rotary_angles

FUNCTIONS = [
    L.embedding, L.rms_norm, L.rotary, L.softmax, L.causal_mask, L.attention,
    L.fused_attention, L.swiglu, L.cross_entropy, L.linear_cross_entropy, L.linear, L.tied_head, L.dropout,
    L.learned_positions, L.sinusoidal_positions, L.rotary_interleaved, L.inverse_frequencies, L.linear_scaling,
    L.llama3_scaling, L.yarn_scaling, L.gelu, L.gelu_tanh, L.silu, L.relu_squared, L.geglu, L.gelu_feed_forward,
    L.relu_squared_feed_forward, L.layer_norm, L.query_key_norm, L.pre_norm, L.post_norm, L.branch_norm,
    L.sliding_window_mask, L.soft_cap, L.capped_attention, L.split_heads, L.merge_heads, L.grouped_query_attention,
    L.multi_query_attention, L.multi_head_attention, L.cached_attention,
    L.top_k_router, L.apply_experts, L.mixture_of_experts, L.mixture_with_shared_expert, L.load_balancing_loss,
    L.router_z_loss, L.smoothed_cross_entropy, L.z_loss,
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
    assert checked(L.rotary)(x, rotary_angles(torch.arange(3), 4)).shape == x.shape
    assert checked(L.softmax)(x, 1).shape == x.shape
    mask = checked(L.causal_mask)(torch.arange(3), torch.arange(3))
    for kernel in (L.attention, L.fused_attention):
        assert checked(kernel)(x, x, x, mask).shape == x.shape
        grouped = torch.randn(2, 2, 5, 3, 4)
        assert checked(kernel)(grouped, grouped[:, :, :1], grouped[:, :, :1], mask).shape == grouped.shape
    for bias in (torch.ones(4), None):
        assert checked(L.layer_norm)(x, torch.ones(4), bias, 1e-6).shape == x.shape
    heads = torch.randn(2, 3, 5, 4), torch.randn(2, 1, 5, 4)
    normed = checked(L.query_key_norm)(*heads, torch.abs, torch.abs)
    assert [part.shape for part in normed] == [part.shape for part in heads]
    for activation in (L.gelu, L.gelu_tanh, L.silu, L.relu_squared):
        assert checked(activation)(x).shape == x.shape
    for place in (L.pre_norm, L.post_norm, L.branch_norm):
        assert checked(place)(x, torch.abs, torch.abs).shape == x.shape
    weight = torch.randn(6, 4)
    for part in (L.geglu, L.swiglu):
        assert checked(part)(x, torch.abs, torch.abs, torch.abs).shape == x.shape
    for part in (L.gelu_feed_forward, L.relu_squared_feed_forward):
        assert checked(part)(x, torch.abs, torch.abs).shape == x.shape
    assert checked(L.sliding_window_mask)(torch.arange(3), torch.arange(5), 2).shape == (3, 5)
    assert checked(L.soft_cap)(x, 2.0).shape == x.shape
    assert checked(L.capped_attention)(x, x, x, mask, 2.0).shape == x.shape
    assert checked(L.split_heads)(x, 2).shape == (2, 2, 3, 2)
    assert checked(L.merge_heads)(x).shape == (3, 8)
    query, own_mask = torch.randn(2, 6, 3, 4), mask.expand(2, 3, 3)
    for each in (mask, own_mask, None):
        assert checked(L.grouped_query_attention)(query, query[:, :2], query[:, :2], each).shape == query.shape
        assert checked(L.multi_query_attention)(query, x, x, each).shape == query.shape
        assert checked(L.multi_head_attention)(x, weight, weight, weight, weight.T, 3, each).shape == x.shape
    places = torch.arange(3)
    assert checked(L.cached_attention)(x, x, x, places, x[:, :1], x[:, :1], places[:1]).shape == x.shape
    assert checked(L.cross_entropy)(x, torch.zeros(2, 3, dtype=torch.long)).shape == ()
    assert checked(L.linear_cross_entropy)(x, weight, torch.zeros(2, 3, dtype=torch.long)).shape == ()
    assert checked(L.embedding)(torch.zeros(2, dtype=torch.long), weight).shape == (2, 4)
    assert checked(L.tied_head)(x, weight).shape == (2, 3, 6)
    assert checked(L.linear)(x, weight, torch.zeros(6)).shape == checked(L.linear)(x, weight).shape == (2, 3, 6)
    assert checked(L.dropout)(x, x > 0, 0.5).shape == x.shape
    assert checked(L.learned_positions)(x, weight, torch.arange(3)).shape == x.shape
    assert checked(L.sinusoidal_positions)(torch.arange(3), 4).shape == (3, 4)
    assert checked(L.rotary_interleaved)(x, rotary_angles(torch.arange(3), 4)).shape == x.shape
    frequencies = checked(L.inverse_frequencies)(8, 10.0)
    assert checked(L.yarn_scaling)(frequencies, 10.0, 4.0, 100).shape == frequencies.shape == (4,)
    assert checked(L.llama3_scaling)(frequencies, 4.0, 1.0, 4.0, 100).shape == (4,)
    assert checked(L.linear_scaling)(frequencies, 4.0).shape == (4,)


def test_wrong_shapes_do_not_pass():
    x = torch.randn(2, 3, 4)
    for call in (
        lambda: checked(L.rms_norm)(x, torch.ones(1), 1e-6),
        lambda: checked(L.layer_norm)(x, torch.ones(4), torch.ones(1), 1e-6),
        lambda: checked(L.query_key_norm)(x[0, 0], x[0, 0], torch.abs, torch.abs),
        lambda: checked(L.gelu_feed_forward)(x, torch.abs, lambda h: h[..., :3]),
        lambda: checked(L.pre_norm)(x, torch.abs, lambda h: h.new_ones(7, 1, 1, 4)),
        lambda: checked(L.attention)(x, torch.randn(2, 3, 1), x, None),
        lambda: checked(L.capped_attention)(x, torch.randn(2, 3, 1), x, None, 1.0),
        lambda: checked(L.multi_query_attention)(torch.randn(2, 6, 3, 4), x, x[:, :1], None),
        lambda: checked(L.cached_attention)(x, x, x, torch.arange(3), x[:, :1], x[:, :1], torch.arange(2)),
        lambda: checked(L.cross_entropy)(x, torch.zeros(2, 1, dtype=torch.long)),
        lambda: checked(L.embedding)(torch.zeros(2), x[0]),
        lambda: checked(L.linear)(x, torch.randn(4, 6)),
        lambda: checked(L.linear)(x, torch.randn(6, 4), torch.zeros(1)),
        lambda: checked(L.tied_head)(x, torch.randn(4, 6)),
        lambda: checked(L.dropout)(x, torch.ones(2, 3, 1, dtype=torch.bool), 0.5),
        lambda: checked(L.learned_positions)(x, torch.randn(6, 1), torch.arange(3)),
    ):
        with pytest.raises(Exception, match=r"[Tt]ype"):
            call()
