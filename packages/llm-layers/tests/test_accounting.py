import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from llm_layers import (
    EAGER,
    FUSED,
    Decoder,
    Experts,
    LayersError,
    YarnScaling,
    activation_bytes,
    active_parameter_count,
    cache_bytes,
    forward_flops_per_token,
    max_decode_tokens_per_second,
    parameter_count,
    training_flops_per_token,
    training_state_bytes,
    weight_bytes,
)
from llm_layers.config import DESIGNS, QWEN3_MOE, Design
from llm_layers.inspection.costs import saved_bytes

SHAPES = [
    {},
    {"tied_embeddings": True},
    {"heads": 3, "kv_heads": 3, "d_head": 2},
    {"heads": 6, "kv_heads": 1, "layers": 3, "d_ff": 7, "d_model": 9},
    {"design": Design(family=None, feed_forward="relu_squared")},
    {"design": Design(family=None, feed_forward="relu_squared", biases="all")},
    {"design": Design(family=None, feed_forward="gelu")},
    {"design": Design(family=None, biases="all")},
    {"design": QWEN3_MOE, "experts": Experts(count=5, per_token=2, d_expert=7)},
    *({"design": design} for design in DESIGNS),
]


@pytest.fixture(params=SHAPES, ids=str)
def config(request, small_config):
    return small_config(**request.param)


def test_parameters_are_counted_exactly(config):
    model = Decoder(config)
    assert parameter_count(config) == sum(weight.numel() for weight in model.parameters())
    tables = model.embedding.table.numel() + (0 if model.head is None else model.head.weight.numel())
    assert parameter_count(config, embeddings=False) == parameter_count(config) - tables
    if config.experts is None:
        assert active_parameter_count(config) == parameter_count(config)
    else:
        idle = (5 - 2) * 3 * 7 * config.d_model * config.layers
        assert active_parameter_count(config) == parameter_count(config) - idle


def test_operations_are_counted_exactly(config):
    model, positions = Decoder(config), 11
    tokens = torch.arange(2 * positions).reshape(2, positions) % config.vocab_size
    with FlopCounterMode(display=False) as counter:
        model(tokens)
    assert counter.get_total_flops() == 2 * positions * forward_flops_per_token(config, positions)
    with FlopCounterMode(display=False) as counter:
        model(tokens).sum().backward()
    assert counter.get_total_flops() == 2 * positions * training_flops_per_token(config, positions)


def test_a_block_with_a_window_counts_no_more_positions_than_its_window(small_config):
    whole, windowed = small_config(), small_config(window=4, global_layers=(1,))
    saved = 4 * windowed.heads * windowed.d_head * (11 - 4)  # in one of the two blocks
    assert forward_flops_per_token(windowed, 11) == forward_flops_per_token(whole, 11) - saved
    assert forward_flops_per_token(windowed, 4) == forward_flops_per_token(whole, 4)


@pytest.mark.parametrize("window", [None, 4, 20])
def test_cache_bytes_are_those_of_the_numbers_kept(window, small_config):
    model = Decoder(small_config(window=window, global_layers=() if window is None else (0,)))
    cache = model.new_cache()
    with torch.inference_mode():
        model(torch.zeros(1, 9, dtype=torch.long), cache)
        kept = [part.numel() * 4 for layer in cache.layers for part in layer.append(*[torch.zeros(1, 2, 0, 6)] * 2)]
    assert sum(kept) == cache_bytes(model.config, 9)


@pytest.mark.parametrize("kernels", [EAGER, FUSED], ids=["clear", "fused"])
def test_activations_are_those_that_a_real_step_keeps(config, kernels):
    model = Decoder(config, kernels=kernels)
    tokens = torch.arange(3 * 17).reshape(3, 17) % config.vocab_size
    measured = saved_bytes(model, tokens)
    predicted = activation_bytes(config, 3, 17, kernels=kernels)
    assert predicted == (measured if config.experts is None else pytest.approx(measured, rel=0.1))
    assert measured > 3 * 17 * config.d_model * 4 * config.layers


@pytest.mark.parametrize("kernels", [EAGER, FUSED], ids=["clear", "fused"])
@pytest.mark.parametrize(
    ("batch", "positions", "changes"),
    [
        (1, 1, {}),
        (1, 32, {"heads": 1, "kv_heads": 1}),
        (2, 1, {"d_head": 2, "vocab_size": 2}),
        (5, 31, {"d_model": 35, "d_ff": 115, "heads": 6, "kv_heads": 3, "d_head": 14}),
        (3, 20, {"layers": 5, "window": 4, "global_layers": (1, 3), "local_rope_base": 10.0}),
        (2, 9, {"rope_scaling": YarnScaling(factor=4.0, original_context=16)}),
        (2, 9, {"attn_logit_softcap": 50.0, "final_logit_softcap": 30.0, "query_pre_attn_scalar": 3}),
    ],
)
def test_activations_are_exact_whatever_the_sizes(batch, positions, changes, kernels, small_config):
    config = small_config(**changes)
    measured = saved_bytes(Decoder(config, kernels=kernels), torch.zeros(batch, positions, dtype=torch.long))
    assert activation_bytes(config, batch, positions, kernels=kernels) == measured


def test_activations_of_a_large_model_are_those_of_tensors_that_have_no_numbers(small_config):
    shape = {"d_model": 512, "heads": 8, "d_head": 64, "d_ff": 1376, "vocab_size": 32000, "context_length": 2048}
    config = small_config(**shape)
    with torch.device("meta"):
        model, tokens = Decoder(config), torch.zeros(4, 2048, dtype=torch.long)
        measured = saved_bytes(model, tokens)
    assert activation_bytes(config, 4, 2048) == measured > 2**30


def test_a_text_that_does_not_fit_is_refused(small_config):
    for batch, positions in ((1, 33), (1, 0), (0, 5)):
        with pytest.raises(LayersError, match="positions between 1 and 32"):
            activation_bytes(small_config(), batch, positions)


def test_counting_leaves_the_random_numbers_alone(small_config):
    before = torch.get_rng_state()
    activation_bytes(small_config(), 1, 5)
    assert torch.equal(torch.get_rng_state(), before)


def test_training_state_is_what_adamw_holds(small_config):
    config = small_config()
    model = Decoder(config)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.zeros(1, 9, dtype=torch.long)).sum().backward()
    optimizer.step()
    held = sum(weight.grad.nbytes for weight in model.parameters())
    held += sum(part.nbytes for state in optimizer.state.values() for part in state.values() if part.dim())
    assert held == training_state_bytes(config)
    assert weight_bytes(config) == sum(weight.nbytes for weight in model.parameters())


def test_the_ceiling_is_the_bandwidth_over_the_bytes_that_a_token_reads(small_config):
    config = small_config()
    model = Decoder(config)
    read = sum(weight.nbytes for name, weight in model.named_parameters() if name != "embedding.table")
    assert max_decode_tokens_per_second(config, 1e9) == pytest.approx(1e9 / read)
    both = max_decode_tokens_per_second(config, 1e9, positions=9, batch=4)
    assert both == pytest.approx(4e9 / (read + 4 * cache_bytes(config, 9)))
    tied = small_config(tied_embeddings=True)
    assert max_decode_tokens_per_second(tied, 1e9) == pytest.approx(1e9 / weight_bytes(tied))
