"""Number types: what float16 must not lose on the way, types that meet in one product, and texts without tokens."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from llm_layers import (
    Decoder,
    Experts,
    ModelConfig,
    add_lora,
    attention,
    capped_attention,
    fused_attention,
    int4_linear,
    int8_linear,
    linear,
    linear_cross_entropy,
    lora_linear,
    merge_lora,
    post_norm,
    quantize_int4,
    quantize_int8,
    quantize_model,
    relu_squared_feed_forward,
    rms_norm,
    swiglu,
)
from llm_layers.config import DESIGNS, GPT2, QWEN3_MOE
from llm_layers.kernels import EAGER, FAST, FUSED
from llm_layers.kernels import attention as by_blocks

LOW = [torch.float16, torch.bfloat16]
KERNELS = pytest.mark.parametrize("kernels", [EAGER, FUSED, FAST], ids=["eager", "fused", "fast"])
FAMILIES = pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.family)


def config_of(design):
    experts = Experts(count=4, per_token=2, d_expert=8) if design is QWEN3_MOE else None
    return ModelConfig(
        vocab_size=23, context_length=16, layers=2, d_model=16, heads=4, kv_heads=4 if design is GPT2 else 2, d_head=4,
        d_ff=32, design=design, experts=experts,
    )  # fmt: skip


def filled(design, kernels=EAGER):
    model, generator = Decoder(config_of(design), kernels=kernels), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.2, generator=generator)
    return model


@pytest.mark.parametrize("dtype", LOW)
def test_a_sum_of_integers_may_be_larger_than_its_scaled_result(dtype):
    weight = 0.02 * torch.randn(8, 4096, generator=torch.Generator().manual_seed(0))
    weight[:, 7] = 0.08
    x = torch.zeros(1, 4096, dtype=dtype)
    x[0, 7] = 600
    for multiply, stored in ((int8_linear, quantize_int8(weight)), (int4_linear, quantize_int4(weight))):
        wanted = multiply(x.double(), stored[0], stored[1].double())
        torch.testing.assert_close(multiply(x, *stored).double(), wanted, rtol=1e-2, atol=0)


def test_float16_keeps_scores_beyond_its_range():
    query, key = torch.full((3, 16), 300.0), torch.full((3, 16), 300.0) * torch.tensor([[1.0], [0.5], [-1]])
    value = torch.eye(3, 16)
    for attend in (attention, FAST.attention, partial(capped_attention, cap=50.0)):
        mask = torch.ones(3, 3, dtype=torch.bool).tril()
        wanted = attend(query, key, value, mask)
        found = attend(query.half(), key.half(), value.half(), mask)
        torch.testing.assert_close(found.float(), wanted, rtol=1e-3, atol=1e-3)


def test_float16_keeps_what_a_later_step_makes_small():
    large, small = partial(linear, weight=torch.eye(4).half()), partial(linear, weight=1e-4 * torch.eye(4).half())
    x = torch.full((1, 4), 300.0, dtype=torch.float16)
    for y in (swiglu(x, large, large, small), relu_squared_feed_forward(x, large, small)):
        torch.testing.assert_close(y.float(), torch.full((1, 4), 9.0), rtol=0.02, atol=0)
    down, up = torch.full((1, 4), 30.0).half(), torch.full((4, 1), 4.0).half()
    assert lora_linear(x, large, down, up, 1e-4).isfinite().all()
    assert merge_lora(torch.eye(4).half(), 300 * down, up * 100, 1e-4).isfinite().all()


def test_a_norm_of_zeros_is_zero_in_float16_whatever_eps_is():
    zeros, gain = torch.zeros(2, 4, dtype=torch.float16), torch.ones(4, dtype=torch.float16)
    for eps in (1e-6, 1e-12):
        assert torch.equal(rms_norm(zeros, gain, eps), zeros)
        assert torch.equal(FAST.rms_norm(zeros, gain, eps), zeros)


@KERNELS
@FAMILIES
@pytest.mark.parametrize("exempt", ["gain", "norm", "head", "embedding", "router", "query", "down", "bias"])
def test_weights_of_two_types_give_logits_in_the_type_of_the_embedding(design, kernels, exempt, tokens):
    model = filled(design, kernels).bfloat16()
    for name, weight in model.named_parameters():
        if exempt in name:
            weight.data = weight.data.float()
    logits = model(tokens[:, :9])
    assert logits.dtype == model.embedding.table.dtype and logits.isfinite().all()
    logits.float().sum().backward()
    assert linear_cross_entropy(model.hidden(tokens[:, :9]), model.head_weight, tokens[:, :9]).isfinite()


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("dtype", LOW)
@FAMILIES
def test_lora_on_a_quantized_model_in_16_bits_runs_and_trains(design, dtype, bits, tokens):
    model = filled(design).to(dtype)
    quantize_model(model, bits=bits, group=8 if bits == 4 else None)
    add_lora(model, rank=2, alpha=4.0)
    logits = model(tokens[:, :9])
    assert logits.dtype == dtype
    logits.float().sum().backward()
    assert all(weight.grad is not None for weight in model.parameters() if weight.requires_grad)


@KERNELS
@FAMILIES
@pytest.mark.parametrize("shape", [(1, 0), (0, 5), (0, 0)], ids=str)
def test_no_tokens_give_no_logits(design, kernels, shape):
    ids = torch.zeros(shape, dtype=torch.long)
    for model in (filled(design, kernels), filled(replace(design), kernels).bfloat16()):
        logits = model(ids)
        assert logits.shape == (*shape, 23)
        logits.sum().backward()
        with torch.inference_mode():
            cache = model.new_cache()
            assert model(ids, cache).shape == (*shape, 23)
        assert float(linear_cross_entropy(model.hidden(ids), model.head_weight, ids).detach()) == 0.0
    for bits in (8, 4):
        model = filled(design, kernels)
        quantize_model(model, bits=bits, group=8 if bits == 4 else None)
        add_lora(model, rank=2, alpha=4.0)
        assert model(ids).shape == (*shape, 23)


@pytest.mark.parametrize(
    "attend", [attention, fused_attention, by_blocks.attention, partial(capped_attention, cap=5.0)]
)
@pytest.mark.parametrize("masked", [False, True])
def test_attention_has_the_dtype_of_its_queries(attend, masked):
    query, key, value = torch.randn(3, 1, 4, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    mask = torch.ones(4, 4, dtype=torch.bool).tril() if masked else None
    wanted = attend(query, key.bfloat16().float(), value.bfloat16().float(), mask)
    y = attend(query, key.bfloat16(), value.bfloat16(), mask)
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, wanted)
    assert attend(query.bfloat16(), key, value, mask).dtype == torch.bfloat16


def test_a_loss_scale_saves_the_gradients_of_the_head_in_float16():
    generator = torch.Generator().manual_seed(0)
    hidden, head = torch.randn(512, 16, generator=generator).half(), torch.randn(5000, 16, generator=generator).half()
    targets, scale = torch.randint(0, 5000, (512,), generator=generator), 65536.0

    def gradients(dtype):
        inputs = [x.detach().to(dtype).requires_grad_() for x in (hidden, head)]
        (linear_cross_entropy(*inputs, targets) * scale).backward()
        return [x.grad.double() / scale for x in inputs]

    for found, wanted in zip(gradients(torch.float16), gradients(torch.float64), strict=True):
        assert (found - wanted).norm() < 2e-3 * wanted.norm()


def test_the_stream_and_its_part_may_add_up_beyond_float16():
    x = torch.full((1, 64), 40000.0, dtype=torch.float16)
    y = post_norm(x, lambda x: rms_norm(x, torch.ones(64, dtype=torch.float16)), lambda x: x)
    assert y.dtype == torch.float16 and y.eq(1).all()
