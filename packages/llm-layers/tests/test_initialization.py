"""Initial values in a whole model, and what they make of the stream."""

from itertools import pairwise

import pytest
import torch
from torch.overrides import TorchFunctionMode

from llm_layers import (
    Decoder,
    Experts,
    LayersError,
    ModelConfig,
    initialize,
    initialize_gpt2,
    initialize_normal,
    initialize_truncated,
    residual_variance_by_layer,
    scaled_initialization,
    truncated_normal,
)
from llm_layers import config as design

SCHEMES = (initialize, initialize_gpt2, initialize_normal, initialize_truncated)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_model_starts_with_the_truncated_normal_that_the_contract_pins(small_config):
    generator = seeded(7)
    model = Decoder(small_config(), generator=seeded(7))
    torch.empty_like(model.embedding.table).normal_(generator=generator)  # drawn first
    weight = model.blocks[0].attention.query.weight
    wanted = truncated_normal(torch.rand(weight.shape, generator=generator), weight.shape[1] ** -0.5)
    assert torch.equal(weight, wanted)


def test_the_deviation_is_exact_although_the_ends_are_cut():
    model = Decoder(ModelConfig(
        vocab_size=2, context_length=2, layers=1, d_model=512, heads=8, kv_heads=8, d_head=64, d_ff=512
    ), generator=seeded(1))  # fmt: skip
    weight = model.blocks[0].feed_forward.gate.weight
    assert weight.std().item() == pytest.approx(512**-0.5, rel=5e-3)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("family", design.DESIGNS, ids=lambda one: one.family)
def test_every_scheme_fills_every_design(scheme, family, small_config, tokens):
    experts = Experts(count=4, per_token=2, d_expert=8) if family is design.QWEN3_MOE else None
    kv_heads = 4 if family is design.GPT2 else 2
    model = Decoder(small_config(design=family, experts=experts, kv_heads=kv_heads))
    for weight in model.parameters():
        weight.data.fill_(float("nan"))
    scheme(model, generator=seeded())
    assert all(weight.isfinite().all() for weight in model.parameters())
    gain = 0.0 if family.norm == "rms_unit_offset" else 1.0
    for name, weight in model.named_parameters():
        if name.endswith("gain"):
            assert (weight == gain).all(), name
        if name.endswith("bias"):
            assert (weight == 0).all(), name
    assert len(residual_variance_by_layer(model, tokens)) == 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_start_values_follow_the_generator(scheme, small_config):
    models = [Decoder(small_config()) for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        scheme(model, generator=seeded(seed))
    first, second, third = (model.get_submodule("blocks.0.attention.query").weight for model in models)
    assert torch.equal(first, second) and not torch.equal(first, third)


def test_deviations_are_the_ones_that_were_asked_for(small_config):
    config = small_config(d_model=200, d_ff=300, layers=8, heads=4, kv_heads=4, d_head=50, vocab_size=500)
    model = Decoder(config)

    def deviation(name):
        return model.get_parameter(name).std().item()

    up, down = "blocks.3.feed_forward.up.weight", "blocks.3.feed_forward.down.weight"
    initialize_normal(model, 0.05, seeded())
    assert all(deviation(name) == pytest.approx(0.05, rel=0.02) for name in (up, down, "embedding.table"))
    initialize_gpt2(model, seeded())
    assert deviation(up) == pytest.approx(0.02, rel=0.02)
    assert deviation("blocks.7.attention.output.weight") == pytest.approx(0.02 / 4, rel=0.02)
    assert deviation(down) == pytest.approx(0.02 / 4, rel=0.02)
    initialize_truncated(model, seeded())
    assert deviation(up) == pytest.approx(200**-0.5, rel=0.02)
    assert deviation(down) == pytest.approx(300**-0.5, rel=0.02)
    assert deviation("embedding.table") == pytest.approx(1, rel=0.02)
    assert model.get_parameter(up).abs().max() < 3.1 * 200**-0.5


@pytest.mark.parametrize("limit", [0.5, 1.0, 2.0, 3.0, 6.0])
def test_the_cut_normal_has_its_deviation_and_its_shape(limit):
    y = truncated_normal(torch.rand(400_000, generator=seeded()), 0.02, limit)
    assert y.mean().item() == pytest.approx(0, abs=1e-4)
    assert y.std().item() == pytest.approx(0.02, rel=5e-3)
    # Between 0 and half the limit lies the share that the normal's distribution function says.
    normal = torch.distributions.Normal(0.0, 1.0)
    inside, middle = (2 * normal.cdf(torch.tensor(z)).item() - 1 for z in (limit, limit / 2))
    share = (y.abs() < y.abs().max() / 2).float().mean().item()
    if limit <= 3:  # beyond, the largest of the numbers lies short of the limit
        assert share == pytest.approx(middle / inside, abs=5e-3)


def test_mistakes_are_explained():
    uniforms = torch.rand(3)
    with pytest.raises(LayersError, match="limit be above 0"):
        truncated_normal(uniforms, 0.02, 0.0)
    with pytest.raises(LayersError, match="deviation must not be negative"):
        truncated_normal(uniforms, -1.0, 2.0)
    with pytest.raises(LayersError, match="layers must be at least 1, but was 0"):
        scaled_initialization(uniforms, 0.02, 0)


def deep(small_config):
    config = small_config(d_model=64, layers=12, heads=2, kv_heads=2, d_head=32, d_ff=128)
    return Decoder(config, generator=seeded())


def test_the_stream_keeps_grows_or_explodes_as_the_start_values_promise(small_config, tokens):
    model = deep(small_config)
    quiet = residual_variance_by_layer(model, tokens)
    embedded = model.embed(tokens, torch.arange(17)).var(correction=0).item()
    assert len(quiet) == 13 and quiet[0] == pytest.approx(embedded) and set(quiet) == {quiet[0]}

    initialize_truncated(model, seeded())
    even = residual_variance_by_layer(model, tokens)
    growth = [behind - before for before, behind in pairwise(even)]
    assert max(growth) < 4 * min(growth), "every block adds about as much"

    scaled, naive = [], []
    for found, scheme in ((scaled, initialize_gpt2), (naive, initialize_normal)):
        scheme(model, generator=seeded())
        found.extend(residual_variance_by_layer(model, tokens))
    added = [series[-1] - series[0] for series in (naive, scaled)]
    assert 12 < added[0] / added[1] < 48, "variances add up: 24 writers, not quite independent of each other"

    initialize_normal(model, 1.0, seeded())
    assert residual_variance_by_layer(model, tokens)[1] > 1000


class Calls(TorchFunctionMode):
    """Notes the name of every function of torch that is called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.names.append(function.__name__)
        return function(*args, **(kwargs or {}))


def calls_of(model, tokens) -> list[str]:
    with Calls() as calls:
        model(tokens)
    return calls.names


def test_measuring_leaves_no_trace(small_config, tokens):
    model = deep(small_config)
    before = calls_of(model, tokens)
    residual_variance_by_layer(model, tokens)
    assert calls_of(model, tokens) == before
    with pytest.raises(LayersError):
        residual_variance_by_layer(model, tokens + 100)
    assert calls_of(model, tokens) == before
