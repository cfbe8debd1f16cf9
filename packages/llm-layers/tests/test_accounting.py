import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from llm_layers import Decoder, cache_bytes, forward_flops_per_token, parameter_count, training_flops_per_token

SHAPES = [
    {},
    {"tied_embeddings": True},
    {"heads": 3, "kv_heads": 3, "d_head": 2},
    {"heads": 6, "kv_heads": 1, "layers": 3, "d_ff": 7, "d_model": 9},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_parameters_are_counted_exactly(shape, small_config):
    model = Decoder(small_config(**shape))
    assert parameter_count(model.config) == sum(weight.numel() for weight in model.parameters())
    tables = model.embedding.table.numel() + (0 if model.head is None else model.head.weight.numel())
    assert parameter_count(model.config, embeddings=False) == parameter_count(model.config) - tables


@pytest.mark.parametrize("shape", SHAPES)
def test_operations_are_counted_exactly(shape, small_config):
    model, positions = Decoder(small_config(**shape)), 11
    tokens = torch.zeros(2, positions, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model(tokens)
    assert counter.get_total_flops() == 2 * positions * forward_flops_per_token(model.config, positions)
    with FlopCounterMode(display=False) as counter:
        model(tokens).sum().backward()
    assert counter.get_total_flops() == 2 * positions * training_flops_per_token(model.config, positions)


def test_cache_bytes_are_those_of_the_numbers_kept(small_config):
    model = Decoder(small_config())
    cache = model.new_cache()
    with torch.inference_mode():
        model(torch.zeros(1, 9, dtype=torch.long), cache)
        kept = [
            cache.layers[0].append(*[torch.zeros(1, 2, 0, 6)] * 2)[part].numel() * 4 * 2 for part in (0, 1)
        ]  # both layers are alike
    assert sum(kept) == cache_bytes(model.config, 9)
