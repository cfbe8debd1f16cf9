"""The lesson is the machine: what a contract pins is what runs when a model is built, trained, saved and used."""

import sys
from dataclasses import replace
from inspect import unwrap

import pytest
import torch

import llm_layers
from llm_layers import (
    Decoder,
    Experts,
    LinearScaling,
    Llama3Scaling,
    ModelConfig,
    YarnScaling,
    add_lora,
    cross_entropy,
    linear_cross_entropy,
    load_model,
    merge_all_lora,
    quantize_model,
    save_model,
)
from llm_layers.config import DESIGNS, GEMMA3, GPT2, LLAMA, MISTRAL, QWEN3, QWEN3_MOE
from llm_layers.spec import SPECIFICATION
from llm_layers.spec.alternatives import ALTERNATIVES

FUNCTIONS = [contract.name for contract in SPECIFICATION.contracts if contract.name not in ("block", "decoder")]
IDS = torch.randint(0, 19, (2, 12), generator=torch.Generator().manual_seed(0))
SHAPE = ModelConfig(
    vocab_size=19, context_length=32, layers=2, d_model=16, heads=4, kv_heads=4, d_head=4, d_ff=32, design=QWEN3
)
LONG = {
    "linear": LinearScaling(factor=2.0),
    "llama3": Llama3Scaling(factor=2.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_context=16),
    "yarn": YarnScaling(factor=2.0, original_context=16),
}


def shipped() -> list[ModelConfig]:
    """One shape of each family, and the settings that their published models have."""
    more = {MISTRAL: {"window": 4}}
    more[GEMMA3] = {
        "window": 4, "local_rope_base": 10000.0, "query_pre_attn_scalar": 4, "attn_logit_softcap": 9.0,
        "final_logit_softcap": 9.0, "tied_embeddings": True,
    }  # fmt: skip
    more |= {QWEN3_MOE: {"experts": Experts(count=3, per_token=2, d_expert=8)}, GPT2: {"tied_embeddings": True}}
    configs = [replace(SHAPE, design=design, **more.get(design, {})) for design in DESIGNS]
    return configs + [replace(SHAPE, design=LLAMA, rope_scaling=scaling) for scaling in LONG.values()]


def live(config: ModelConfig, folder) -> None:
    """Build, train, save, load, fine-tune, quantize, and write with a cache."""
    model = Decoder(config)
    save_model(model, folder)
    model = load_model(folder)
    cross_entropy(model(IDS), IDS).backward()
    dropping = Decoder(config, dropout=0.1)
    dropping(IDS, documents=IDS // 10, row_keys=torch.arange(len(IDS))).sum().backward()
    if config.final_logit_softcap is None:
        linear_cross_entropy(model.hidden(IDS), model.head_weight, IDS).backward()
    add_lora(model, rank=1, alpha=1.0)
    model(IDS).sum().backward()
    merge_all_lora(model)
    for bits in (8, 4):
        small = load_model(folder)
        quantize_model(small, bits=bits, group=4 if bits == 4 else None)
        with torch.inference_mode():
            cache = small.new_cache()
            small(IDS[:, :8], cache)
            small(IDS[:, 8:], cache)
        assert small.blocks[0].attention.query.weight.shape == (16, 16)


@pytest.fixture(scope="module")
def reached(tmp_path_factory) -> set[str]:
    codes = {unwrap(getattr(llm_layers, name)).__code__: name for name in FUNCTIONS}
    seen: set[str] = set()

    def note(frame, event, argument):
        if event == "call" and frame.f_code in codes:
            seen.add(codes[frame.f_code])

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        for config in shipped():
            live(config, tmp_path_factory.mktemp("model") / "model")
    finally:
        sys.setprofile(before)
    return seen


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_with_a_contract_runs_or_is_an_alternative(name, reached):
    assert (name in reached) != (name in ALTERNATIVES), f"{name}: reached {name in reached}"


def test_every_alternative_has_a_contract_and_a_reason():
    assert set(ALTERNATIVES) <= set(FUNCTIONS)
    assert all(reason.endswith(".") for reason in ALTERNATIVES.values())
