"""Codes in a whole model: their error, their size, their fast kernels, and what they cost a trained model."""

import copy
import math
import random
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

import llm_layers
from llm_layers import (
    FUSED,
    Decoder,
    Int4Linear,
    Int8Linear,
    LayersError,
    ModelConfig,
    add_lora,
    bfloat16_int4_linear,
    bfloat16_int8_linear,
    cross_entropy,
    dequantize_int4,
    dequantize_int8,
    int4_linear,
    pack_int4,
    quantize_int4,
    quantize_int8,
    quantize_model,
    use_bfloat16_kernels,
)
from llm_layers.config import QWEN3_MOE, Experts
from llm_layers.layers.quantized_linear import plain_linear_layers
from llm_layers.spec import SPECIFICATION
from llm_tokenizer.conformance import Implementation
from llm_tokenizer.conformance.harness import answers


@pytest.fixture
def weight():
    return torch.randn(48, 64, generator=torch.Generator().manual_seed(3)) * torch.logspace(-3, 1, 48)[:, None]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_no_weight_moves_by_more_than_half_a_step(weight, dtype):
    weight = weight.to(dtype)
    codes, scales = quantize_int8(weight)
    assert scales.dtype == torch.float32 and codes.abs().max() == 127
    assert ((dequantize_int8(codes, scales) - weight).abs() <= 0.50001 * scales[:, None]).all()
    packed, scales = quantize_int4(weight, 16)
    step = scales.repeat_interleave(16, dim=1)
    assert ((dequantize_int4(packed, scales) - weight).abs() <= 0.50001 * step).all()


def test_a_scale_that_loses_its_digits_does_not_wrap_a_code():
    tiny = torch.tensor([[2.0e-43, -2.0e-43, 1.0e-43, 0.0]])  # the scale is one of the last numbers above zero
    codes, scales = quantize_int8(tiny)
    assert scales > 0 and codes[0, 0] == 127 and codes[0, 1] == -127


def test_the_clear_products_take_x_of_another_type_than_the_scales(weight):
    x = torch.randn(2, 64, dtype=torch.bfloat16, generator=torch.Generator().manual_seed(1))
    eight, four = Int8Linear.of(weight), Int4Linear.of(weight)
    for map_, worst in ((eight, 0.02), (four, 0.2)):
        y = map_(x)
        assert y.dtype == torch.bfloat16 and y.shape == (2, 48)
        wanted = x.float() @ weight.mT
        assert ((y.float() - wanted).norm() / wanted.norm()).item() < worst


def test_quantizing_replaces_the_maps_and_counts_the_bytes(model, tokens):
    before = model(tokens)
    maps = sum(weight.numel() for name, weight in model.named_parameters() if "blocks" in name and weight.dim() == 2)
    rows = sum(len(weight) for name, weight in model.named_parameters() if "blocks" in name and weight.dim() == 2)
    report = quantize_model(model)
    assert len(report.replaced) == 14 and "head" not in report.replaced
    assert report.bytes_before - report.bytes_after == 4 * maps - (maps + 4 * rows)
    assert not [name for name, weight in model.named_parameters() if "blocks" in name and weight.dim() == 2]
    assert ((model(tokens) - before).norm() / before.norm()).item() < 0.05


def test_four_bits_with_a_group_of_two_and_the_head(model):
    maps = sum(weight.numel() for name, weight in model.named_parameters() if weight.dim() == 2 and "table" not in name)
    report = quantize_model(model, 4, group=2, head=True)
    assert report.replaced[-1] == "head"
    assert report.bytes_before - report.bytes_after == 4 * maps - (maps // 2 + 4 * maps // 2)


def test_biases_and_every_design_go_through(small_config, random_model, tokens):
    model = random_model(small_config(design=llm_layers.config.GPT2, kv_heads=4))
    before = model(tokens)
    quantize_model(model)
    assert model.get_submodule("blocks.0.feed_forward.up").bias is not None
    assert ((model(tokens) - before).norm() / before.norm()).item() < 0.05


def test_codes_are_out_of_reach_of_training_and_x_is_not(model, tokens):
    quantize_model(model)
    cross_entropy(model(tokens[:, :-1]), tokens[:, 1:]).backward()
    assert model.embedding.table.grad.abs().sum() > 0, "the gradient passes through all quantized maps"
    assert not any("codes" in name or "scales" in name for name, _ in model.named_parameters())
    weight = model.get_submodule("blocks.0.attention.query").weight
    assert not weight.requires_grad


@pytest.mark.parametrize("bits", [8, 4])
def test_a_quantized_state_is_saved_and_loaded(model, tokens, small_config, tmp_path, bits):
    quantize_model(model, bits, group=4 if bits == 4 else None)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, tmp_path / "codes.safetensors")
    other = Decoder(small_config(), generator=torch.Generator().manual_seed(99))
    quantize_model(other, bits, group=4 if bits == 4 else None)
    other.load_state_dict(load_file(tmp_path / "codes.safetensors"))
    assert torch.equal(other(tokens), model(tokens))


def test_the_fast_int8_product_meets_the_goldens_of_the_clear_one():
    def int8_linear(x, codes, scales):
        missing = -codes.shape[1] % 16  # the kernel wants rows of 16, 32, …: zeros change no sum
        return bfloat16_int8_linear(F.pad(x, (0, missing)), F.pad(codes, (0, missing)), scales)

    contract = SPECIFICATION.contract("layers.int8_linear")
    fast = Implementation(SimpleNamespace(int8_linear=int8_linear), arrays="torch", name="fast")
    tried = 0
    for case in SPECIFICATION.cases[contract.id]:
        found = answers(contract, case, fast, "forward", "float32")["y"]
        golden = case.outputs["y"]
        scale = abs(golden).max(initial=0.0) or 1.0
        assert found.shape == golden.shape
        assert abs(found - golden).max(initial=0.0) / scale <= case.tolerance["bfloat16"], case.id
        tried += found.size > 0
    assert tried >= 5


@pytest.mark.parametrize("rows", [(), (1,), (3, 4), (40,), (0,)])
def test_the_fast_products_stay_near_the_clear_ones(weight, rows):
    x = torch.randn(*rows, 64, generator=torch.Generator().manual_seed(1))
    clear, packed = quantize_int8(weight), quantize_int4(weight, 32)
    for found, wanted in (
        (bfloat16_int8_linear(x, *clear), F.linear(x, dequantize_int8(*clear))),
        (bfloat16_int4_linear(x, *pack_int4(*packed)), int4_linear(x, *packed)),
    ):
        assert found.shape == (*rows, 48) and found.dtype == x.dtype
        assert (found - wanted).norm() <= 0.006 * wanted.norm()


@pytest.mark.parametrize("bits", [8, 4])
def test_a_model_with_the_fast_kernels_stays_near_itself(small_config, random_model, tokens, bits):
    model = random_model(small_config(d_model=64, heads=2, kv_heads=1, d_head=32, d_ff=96))
    quantize_model(model, bits)
    with torch.inference_mode():
        before = model(tokens)
        assert len(use_bfloat16_kernels(model)) == 14
        changed = (model(tokens) - before).norm() / before.norm()
    assert 0 < changed.item() < 0.05


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_the_fast_kernels_go_on_in_a_model_of_another_dtype(small_config, random_model, tokens, bits, dtype):
    model = random_model(small_config(d_model=64, heads=2, kv_heads=1, d_head=32, d_ff=96))
    quantize_model(model, bits)
    use_bfloat16_kernels(model)
    with torch.inference_mode():
        before = model(tokens)
        after = model.to(dtype)(tokens).float()
    assert ((after - before).norm() / before.norm()).item() < 0.02


def test_head_and_router_are_left_alone_inside_an_adapter_too(small_config):
    make = lambda: Decoder(small_config(design=QWEN3_MOE, experts=Experts(count=5, per_token=2, d_expert=7)))  # noqa: E731
    for head in (False, True):
        model = make()
        add_lora(model, 2, 4.0, ("head", "router", "query"))
        replaced = quantize_model(model, head=head).replaced
        assert ("head.base" in replaced) == head
        assert "blocks.0.attention.query.base" in replaced and not any("router" in name for name in replaced)


def test_the_fast_weight_is_the_weight_in_bfloat16(weight):
    plain = Int4Linear.of(weight)
    fast = llm_layers.kernels.bfloat16.Bfloat16Int4Linear.of(plain)
    torch.testing.assert_close(fast.weight, plain.weight, rtol=0.01, atol=0)


def test_the_fast_products_refuse_gradients_instead_of_losing_them(weight):
    x = torch.randn(1, 64, requires_grad=True)
    with pytest.raises(LayersError, match="inference_mode"):
        bfloat16_int8_linear(x, *quantize_int8(weight))
    with pytest.raises(LayersError, match="inference_mode"):
        bfloat16_int4_linear(x, *pack_int4(*quantize_int4(weight)))


def test_mistakes_are_explained_and_change_nothing(model, small_config):
    names = [name for name, _ in model.named_parameters()]
    with pytest.raises(LayersError, match=r"bits must be 8 or 4, but was 2"):
        quantize_model(model, 2)
    with pytest.raises(LayersError, match=r"group must be None with 8 bits, .* but was 4: leave it out"):
        quantize_model(model, 8, group=4)
    with pytest.raises(
        LayersError, match=r"blocks.0.attention.query: group must divide .* group was 32 and the width 12"
    ):
        quantize_model(model, 4)
    with pytest.raises(LayersError, match="head is its embedding table"):
        quantize_model(Decoder(small_config(tied_embeddings=True)), head=True)
    with pytest.raises(LayersError, match="quantize_model makes them"):
        use_bfloat16_kernels(model)
    assert [name for name, _ in model.named_parameters()] == names
    quantize_model(model)
    with pytest.raises(LayersError, match="not quantized yet"):
        quantize_model(model)
    with pytest.raises(LayersError, match=r"query: the kernel wants rows .* they were 12 long: stay with int8_linear"):
        use_bfloat16_kernels(model)
    small = Decoder(small_config())
    quantize_model(small, 4, group=4)
    with pytest.raises(LayersError, match=r"query: the kernel wants .* groups of 4: stay with int4_linear"):
        use_bfloat16_kernels(small)
    broken = Decoder(small_config())
    broken.get_submodule("blocks.1.attention.key").weight.data[0, 0] = float("inf")
    with pytest.raises(LayersError, match=r"blocks.1.attention.key: weight must be finite"):
        quantize_model(broken)


@pytest.fixture(scope="module")
def trained():
    """A small model that has really learned something: the words of a made-up language, letter by letter."""
    source = random.Random(0)
    words = ["".join(source.choices("bcdfglmnprst", k=1) + source.choices("aeiou", k=1)) for _ in range(60)]
    words = ["".join(source.choices(words, k=source.randint(1, 3))) for _ in range(400)]
    text = " ".join(source.choices(words, weights=[1 / (place + 1) for place in range(400)], k=40_000))
    ids = torch.tensor(list(text.encode()))
    training, held_out = ids[: len(ids) * 9 // 10], ids[len(ids) * 9 // 10 :]
    config = ModelConfig(
        vocab_size=128, d_model=64, layers=2, heads=2, kv_heads=1, d_head=32, d_ff=128, context_length=64,
        rope_base=1000.0,
    )  # fmt: skip
    generator, steps = torch.Generator().manual_seed(0), 120
    model = Decoder(config, generator=generator, kernels=FUSED)
    optimizer = torch.optim.AdamW(model.parameters())
    for step in range(steps):
        starts = torch.randint(0, len(training) - 65, (16,), generator=generator)
        windows = torch.stack([training[start : start + 65] for start in starts])
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1.0, (steps - step) / 60)
        loss = cross_entropy(model(windows[:, :-1]), windows[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    count = (len(held_out) - 1) // 64
    return model, held_out[: count * 64].view(count, 64), held_out[1 : count * 64 + 1].view(count, 64)


def loss_of(model, tokens, targets):
    with torch.inference_mode():
        return cross_entropy(model(tokens).double(), targets).item()


def test_codes_hardly_change_what_a_trained_model_knows(trained):
    model, tokens, targets = trained
    before = loss_of(model, tokens, targets)
    assert before < 1.6, "bytes of text at an even guess cost 4.85: it must have learned something to lose"
    with torch.inference_mode():
        exact = model(tokens)
    costs, parted, rounded = {}, {}, {}
    for name, bits, group in (("int8", 8, None), ("int4", 4, 32), ("int4, wide groups", 4, 64)):
        quantized = copy.deepcopy(model)
        quantize_model(quantized, bits, group=group)
        costs[name] = math.exp(loss_of(quantized, tokens, targets) - before) - 1
        with torch.inference_mode():
            parted[name] = (quantized(tokens) - exact).norm().item()
            maps = {place: module.weight for place, module in plain_linear_layers(model).items()}
            gaps = [weight - quantized.get_submodule(place).weight for place, weight in maps.items()]
        rounded[name] = sum(gap.square().sum().item() for gap in gaps)
    assert abs(costs["int8"]) < 0.001
    assert abs(costs["int4"]) < 0.01
    assert 8 * parted["int8"] < parted["int4"]
    assert 64 * rounded["int8"] < rounded["int4"] < rounded["int4, wide groups"]


def test_the_fast_kernels_cost_a_trained_model_nothing_more(trained):
    model, tokens, targets = trained
    for bits in (8, 4):
        quantized = copy.deepcopy(model)
        quantize_model(quantized, bits)
        clear = loss_of(quantized, tokens, targets)
        use_bfloat16_kernels(quantized)
        assert loss_of(quantized, tokens, targets) == pytest.approx(clear, abs=0.002)
