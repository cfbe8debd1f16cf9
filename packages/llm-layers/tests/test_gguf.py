"""GGUF there and back, the settings as a closed set, and block formats against numbers that the package gguf gave."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from llm_layers import (
    Decoder,
    Experts,
    LayersError,
    LinearScaling,
    Llama3Scaling,
    ModelConfig,
    YarnScaling,
    load_model,
    rotary,
    rotary_interleaved,
)
from llm_layers.config import GEMMA3, GPT2, LLAMA, MISTRAL, OLMO2, QWEN2, QWEN3, QWEN3_MOE, Design
from llm_layers.formats.gguf import load_gguf, save_gguf
from llm_layers.formats.gguf.file import read_gguf
from llm_layers.formats.gguf.rope_metadata import DividedFrequencies
from llm_layers.formats.gguf.tensor_types import TYPES, WRITTEN, decode, encode
from llm_layers.formats.gguf.writing import TensorToWrite, write_gguf
from llm_layers.layers.rotary import rotary_angles
from llm_tokenizer import CharacterTokenizer, load_tokenizer, train_bpe
from llm_tokenizer.files.gguf_writing import GgufVocabulary

GOLDENS = json.loads(Path(__file__).with_name("gguf_blocks.json").read_text())
SHAPE = {"d_model": 32, "heads": 4, "kv_heads": 2, "d_head": 8, "d_ff": 64, "norm_eps": 1e-5}
LLAMA3 = Llama3Scaling(factor=8.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_context=32)
GEMMA = {
    "layers": 7,
    "window": 5,
    "global_layers": (5,),
    "local_rope_base": 10000.0,
    "query_pre_attn_scalar": 8,
    "tied_embeddings": True,
}
HEADS = {"kv_heads": 4, "rope_base": 10000.0}
MIXTURE = {"experts": Experts(count=5, per_token=2, d_expert=32)}
CASES: dict[str, tuple[Design, dict]] = {
    "llama": (LLAMA, {}),
    "llama, tied": (LLAMA, {"tied_embeddings": True, "d_head": 6}),
    "llama 3": (LLAMA, {"rope_scaling": LLAMA3}),
    "llama, linear": (LLAMA, {"rope_scaling": LinearScaling(factor=4.0)}),
    "llama, divided frequencies": (LLAMA, {"rope_scaling": DividedFrequencies(divisors=(1.0, 1.5, 3.0, 7.0))}),
    "qwen2": (QWEN2, {}),
    "qwen3": (QWEN3, {}),
    "qwen3, yarn": (QWEN3, {"rope_scaling": YarnScaling(factor=4.0, original_context=16)}),
    "qwen3, yarn, own": (
        QWEN3,
        {"rope_scaling": YarnScaling(factor=4.0, original_context=16, beta_fast=20.0, attention_factor=1.3)},
    ),
    "gemma3": (GEMMA3, GEMMA | {"final_logit_softcap": 30.0}),
    "gpt2": (GPT2, HEADS),
    "olmo2": (OLMO2, {}),
    "olmo2, yarn": (OLMO2, {"rope_scaling": YarnScaling(factor=4.0, original_context=16)}),
    "qwen3_moe": (QWEN3_MOE, MIXTURE),
    "qwen3_moe, tied": (QWEN3_MOE, MIXTURE | {"tied_embeddings": True, "d_ff": 10_000}),  # no tensor is so wide
}


def numbers_of(hexadecimal: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(hexadecimal), dtype=">u4").astype(np.uint32)


@pytest.fixture
def make(small_config, random_model):
    def model_of(name: str = "qwen3", **changes) -> Decoder:
        design, special = CASES[name]
        return random_model(small_config(**(SHAPE | special | changes), design=design))

    return model_of


@pytest.fixture
def file(tmp_path, make) -> Path:
    save_gguf(make(), tmp_path / "model.gguf")
    return tmp_path / "model.gguf"


def rewritten(path: Path, metadata: dict, tensors: dict | None = None) -> Path:
    """The same file with other settings (None: without them) and other tensors."""
    read = read_gguf(path)
    entries = {key: value for key, value in (read.metadata | metadata).items() if value is not None}
    plain = {name: tensor.values() for name, tensor in read.tensors.items()} | (tensors or {})
    made = [
        TensorToWrite(name=name, kind=TYPES["F32"], shape=numbers.shape, values=lambda numbers=numbers: numbers)
        for name, numbers in plain.items()
        if numbers is not None
    ]
    write_gguf(path.with_name("changed.gguf"), entries, made)
    return path.with_name("changed.gguf")


@pytest.mark.parametrize("name", TYPES)
def test_blocks_become_the_stored_numbers_to_the_last_bit(name):
    golden = GOLDENS[name]
    data = np.frombuffer(bytes.fromhex(golden["bytes"]), dtype=np.uint8)
    assert np.array_equal(decode(TYPES[name], data).view(np.uint32), numbers_of(golden["numbers"]))


@pytest.mark.parametrize("name", WRITTEN)
def test_numbers_become_the_stored_blocks(name):
    numbers = numbers_of(GOLDENS["written"]["numbers"]).view(np.float32)
    assert encode(TYPES[name], "numbers", numbers).tobytes().hex() == GOLDENS["written"][name]


@pytest.mark.parametrize("name", CASES)
def test_saved_and_loaded_is_bit_equal(tmp_path, tokens, make, name):
    model = make(name)
    save_gguf(model, tmp_path / "model.gguf")
    loaded = load_gguf(tmp_path / "model.gguf")
    assert loaded.config == model.config
    assert all(weight.requires_grad and not weight.is_meta for weight in loaded.parameters())
    if name != "gemma3":  # whose gains are stored plus one, and so lose a bit
        for key, weight in model.named_parameters():
            assert torch.equal(loaded.get_parameter(key), weight), key
        assert torch.equal(loaded(tokens), model(tokens))
    torch.testing.assert_close(loaded(tokens), model(tokens), rtol=1e-4, atol=1e-4)
    assert not list(tmp_path.glob("*.unfinished"))


def test_experts_stand_in_one_tensor_and_their_router_is_plain(tmp_path, make):
    model = make("qwen3_moe")
    save_gguf(model, tmp_path / "model.gguf", dtype="Q8_0")
    read = read_gguf(tmp_path / "model.gguf")
    mixture = model.blocks[1].feed_forward
    down, router = read.tensors["blk.1.ffn_down_exps.weight"], read.tensors["blk.1.ffn_gate_inp.weight"]
    assert (down.kind.name, down.shape) == ("Q8_0", (5, 32, 32))
    assert np.abs(down.values() - mixture.down.detach().numpy()).max() < 0.01
    assert (router.kind.name, router.values().tolist()) == ("F32", mixture.router.weight.tolist())
    shape = {key: value for key, value in read.metadata.items() if "expert" in key}
    assert shape == {
        "qwen3moe.expert_count": 5, "qwen3moe.expert_used_count": 2, "qwen3moe.expert_feed_forward_length": 32
    }  # fmt: skip


def test_the_width_of_an_expert_may_go_unsaid(tmp_path, make):
    model = make("qwen3_moe")  # d_ff is 64, and two experts work on a token
    save_gguf(model, tmp_path / "model.gguf")
    unsaid = rewritten(tmp_path / "model.gguf", {"qwen3moe.expert_feed_forward_length": None})
    assert load_gguf(unsaid).config == model.config


def test_load_model_is_a_door_to_it_too(file, tokens):
    assert torch.equal(load_model(file)(tokens), load_gguf(file)(tokens))
    assert load_model(file, dtype=torch.bfloat16).embedding.table.dtype == torch.bfloat16


def test_mistral_without_a_window_is_a_llama(tmp_path, tokens, make):
    model = make("llama")
    mistral = Decoder(replace(model.config, design=MISTRAL))
    mistral.load_state_dict(model.state_dict())
    save_gguf(mistral, tmp_path / "model.gguf")
    loaded = load_gguf(tmp_path / "model.gguf")
    assert loaded.config == model.config
    assert torch.equal(loaded(tokens), mistral(tokens))
    with pytest.raises(LayersError, match="window must be None in a GGUF file of the family llama, but was 4"):
        save_gguf(Decoder(replace(mistral.config, window=4)), tmp_path / "model.gguf")


def test_rows_of_a_llama_are_stored_so_that_neighbors_turn(tmp_path, make):
    model = make("llama")
    save_gguf(model, tmp_path / "model.gguf")
    stored = read_gguf(tmp_path / "model.gguf").tensors
    x, rotation = (
        torch.randn(5, 32, generator=torch.Generator().manual_seed(0)),
        rotary_angles(torch.arange(5), 8, 500.0),
    )

    def scores(query, key, rotate):
        heads = [(x @ torch.as_tensor(w).T).view(5, -1, 8).transpose(0, 1) for w in (query, key)]
        query, key = (rotate(head, rotation) for head in heads)
        return query[::2] @ key.transpose(1, 2)

    ours = model.blocks[0].attention
    wanted = scores(ours.query.weight.detach(), ours.key.weight.detach(), rotary)
    theirs = scores(stored["blk.0.attn_q.weight"].values(), stored["blk.0.attn_k.weight"].values(), rotary_interleaved)
    torch.testing.assert_close(theirs, wanted)


@pytest.mark.parametrize(("dtype", "most"), [("F16", 2e-3), ("BF16", 2e-2), ("Q8_0", 1e-2)])
def test_other_types_keep_each_number_nearly(tmp_path, make, dtype, most):
    model = make()
    save_gguf(model, tmp_path / "model.gguf", dtype=dtype)
    kinds = {name: tensor.kind.name for name, tensor in read_gguf(tmp_path / "model.gguf").tensors.items()}
    assert {kind for name, kind in kinds.items() if "norm" not in name} == {dtype}
    assert {kind for name, kind in kinds.items() if "norm" in name} == {"F32"}
    loaded = load_gguf(tmp_path / "model.gguf")
    for name, weight in model.named_parameters():
        assert (loaded.get_parameter(name) - weight).abs().max() <= most * weight.abs().max()


def test_a_model_keeps_its_type(tmp_path, make):
    save_gguf(make().to(torch.bfloat16), tmp_path / "model.gguf")
    assert read_gguf(tmp_path / "model.gguf").tensors["output.weight"].kind.name == "BF16"
    loaded = load_gguf(tmp_path / "model.gguf")
    assert torch.equal(loaded.head.weight, make().to(torch.bfloat16).head.weight.float())
    mixed = make()
    mixed.head.to(torch.float16)
    save_gguf(mixed, tmp_path / "mixed.gguf")
    kinds = {name: tensor.kind.name for name, tensor in read_gguf(tmp_path / "mixed.gguf").tensors.items()}
    assert (kinds["output.weight"], kinds["token_embd.weight"], kinds["blk.0.attn_q.weight"]) == ("F16", "F32", "F32")
    with pytest.raises(LayersError, match=r"dtype must be one of F32, F16, BF16, Q8_0, but was 'torch.float64'"):
        save_gguf(make().double(), tmp_path / "model.gguf")


@pytest.mark.parametrize("tool", ["mradermacher", "imatrix", "training", "quantize"])
def test_the_notes_of_a_tool_change_nothing(file, tool, tokens):
    changed = rewritten(file, {f"{tool}.note": "x"})
    assert torch.equal(load_gguf(changed)(tokens), load_gguf(file)(tokens))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"general.architecture": "mamba"}, "general.architecture must be one of llama, qwen2"),
        ({"general.architecture": None}, "general.architecture must be one of"),
        ({"general.type": "adapter"}, "general.type must be 'model'"),
        ({"split.count": 3}, "split.count must be 1"),
        ({"qwen3.block_count": None}, "must hold qwen3.block_count"),
        ({"qwen3.block_count": 4_000_000_000}, "qwen3.block_count must be at most"),
        ({"qwen3.block_count": 2.0}, "qwen3.block_count must be a whole number"),
        ({"qwen3.embedding_length": 4_000_000_000}, "qwen3.embedding_length must be at most"),
        ({"qwen3.feed_forward_length": 4_000_000_000}, "qwen3.feed_forward_length must be at most"),
        ({"qwen3.attention.head_count": 4_000_000_000}, "head_count"),
        ({"qwen3.attention.head_count": 0}, "heads must be a whole number of at least 1"),
        ({"qwen3.attention.head_count_kv": [2, 2]}, "head_count_kv must be a whole number"),
        ({"qwen3.attention.value_length": 6}, "value_length must be 8"),
        ({"qwen3.attention.causal": False}, "causal must be True"),
        ({"qwen3.attention.sliding_window": 8}, "does not know.*sliding_window"),
        ({"qwen3.attn_logit_softcapping": 50.0}, "does not know.*attn_logit_softcapping"),
        ({"qwen3.expert_count": 8}, "expert_count must be 0"),
        ({"qwen3.vocab_size": 24}, "vocab_size must be 23"),
        ({"qwen3.rope.dimension_count": 4}, "dimension_count must be 8"),
        ({"qwen3.rope.scaling.type": "longrope", "qwen3.rope.scaling.factor": 2.0}, "none, linear or yarn"),
        ({"qwen3.rope.scaling.factor": -2.0}, "factor of LinearScaling must be a number above 0"),
        ({"qwen3.rope.scaling.factor": float("nan")}, "factor of LinearScaling must be a number above 0"),
        ({"qwen3.rope.freq_base": float("inf")}, "rope_base must be a number above 0"),
        ({"unheard.of": 1}, "does not know.*unheard.of"),
    ],
)  # fmt: skip
def test_a_setting_that_could_change_the_result_is_refused(file, change, words):
    with pytest.raises(LayersError, match=words) as caught:
        load_gguf(rewritten(file, change))
    assert "changed.gguf" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expert_count": None}, "must hold qwen3moe.expert_count"),
        ({"expert_used_count": None}, "must hold qwen3moe.expert_used_count"),
        ({"expert_count": 0}, "count must be a whole number of at least 1, but was 0"),
        ({"expert_used_count": 0}, "per_token must be a whole number of at least 1, but was 0"),
        ({"expert_used_count": 6}, "per_token must be at most count, 5, but was 6"),
        ({"expert_count": 6}, r"blk.0.ffn_gate_exps.weight must be \[6, 32, 32\] but was \[5, 32, 32\]"),
        ({"expert_count": 5.0}, "qwen3moe.expert_count must be a whole number"),
        ({"expert_count": 4_000_000_000}, "expert_count · expert_feed_forward_length must be at most"),
        ({"expert_feed_forward_length": 4_000_000_000}, "expert_count · expert_feed_forward_length must be at most"),
        ({"expert_feed_forward_length": 0}, "d_expert must be a whole number of at least 1, but was 0"),
        ({"expert_feed_forward_length": None, "feed_forward_length": 1}, "d_expert must be a whole number"),
        ({"expert_weights_norm": False}, "expert_weights_norm must be True"),
        ({"expert_shared_count": 1}, "does not know.*expert_shared_count"),
        ({"expert_gating_func": 2}, "does not know.*expert_gating_func"),
        ({"feed_forward_length": None}, "must hold qwen3moe.feed_forward_length"),
    ],
)
def test_a_setting_of_experts_that_does_not_fit_is_refused(tmp_path, make, change, words):
    save_gguf(make("qwen3_moe"), tmp_path / "model.gguf")
    with pytest.raises(LayersError, match=words):
        load_gguf(rewritten(tmp_path / "model.gguf", {f"qwen3moe.{key}": value for key, value in change.items()}))


def test_an_olmo_without_its_head_or_with_a_window_is_refused(tmp_path, make):
    save_gguf(make("olmo2"), tmp_path / "model.gguf")
    with pytest.raises(LayersError, match=r"missing: output\.weight"):
        load_gguf(rewritten(tmp_path / "model.gguf", {}, {"output.weight": None}))
    with pytest.raises(LayersError, match=r"does not know.*sliding_window"):  # OLMo 3, which has the same name
        load_gguf(rewritten(tmp_path / "model.gguf", {"olmo2.attention.sliding_window": 8}))


def test_settings_without_effect_are_passed_over(file, tokens):
    others = {"general.name": "mine", "quantize.imatrix.file": "x", "qwen3.expert_count": 0, "split.count": 1}
    assert torch.equal(load_gguf(rewritten(file, others))(tokens), load_gguf(file)(tokens))
    scaled = {"qwen3.rope.scaling.type": "none", "qwen3.rope.scaling.factor": 4.0}
    assert load_gguf(rewritten(file, scaled)).config.rope_scaling is None


def test_divisors_beside_another_scaling_or_of_another_length_are_refused(tmp_path, make):
    save_gguf(make("llama 3"), tmp_path / "model.gguf")
    with pytest.raises(LayersError, match="must be the only scaling"):
        load_gguf(rewritten(tmp_path / "model.gguf", {"llama.rope.scaling.factor": 4.0}))
    wrong = {"rope_freqs.weight": np.ones(3, dtype=np.float32)}
    with pytest.raises(LayersError, match="must hold 4 numbers above 0"):
        load_gguf(rewritten(tmp_path / "model.gguf", {}, wrong))
    ones = {"rope_freqs.weight": np.ones(4, dtype=np.float32)}
    assert load_gguf(rewritten(tmp_path / "model.gguf", {}, ones)).config.rope_scaling is None


def test_all_misfitting_tensors_are_named_at_once(file):
    ones = np.ones((3, 5), dtype=np.float32)
    changes = {"output_norm.weight": None, "blk.9.extra": ones, "blk.0.attn_q.weight": ones, "blk.1.attn_q.bias": ones}
    with pytest.raises(LayersError) as caught:
        load_gguf(rewritten(file, {}, changes))
    message = str(caught.value)
    assert "missing: output_norm.weight" in message
    assert "unexpected: blk.1.attn_q.bias, blk.9.extra" in message
    assert "misshapen: blk.0.attn_q.weight must be [32, 32] but was [3, 5]" in message


@pytest.mark.parametrize(
    ("design", "changes", "words"),
    [
        (Design(family=None, feed_forward="relu_squared"), {}, "must have the design of one of llama, qwen2"),
        (replace(LLAMA, biases="all"), {}, "must have the design of one of .*, but has Design.*biases='all'"),
        (OLMO2, {"d_head": 6}, "d_head must be d_model / heads"),
        (OLMO2, {"tied_embeddings": True}, "tied_embeddings must be False in a GGUF file of the family olmo2"),
        (OLMO2, {"window": 8}, "window must be None in a GGUF file of the family olmo2"),
        (QWEN3_MOE, {}, "experts must be given in a GGUF file of the family qwen3moe"),
        (
            QWEN3_MOE,
            {"experts": replace(MIXTURE["experts"], norm_topk_prob=False)},
            "norm_topk_prob of Experts must be True .* llama.cpp renormalizes the weights of the chosen experts",
        ),
        (QWEN3, MIXTURE, "experts must be None in a GGUF file of the family qwen3"),
        (OLMO2, MIXTURE, "experts must be None in a GGUF file of the family olmo2"),
        (QWEN3, {"rope_scaling": LLAMA3}, "rope_scaling must be None"),
        (QWEN3, {"attn_logit_softcap": 50.0}, "attn_logit_softcap must be None"),
        (QWEN2, {"d_head": 6}, "d_head must be d_model / heads"),
        (GEMMA3, GEMMA | {"global_layers": (4,)}, r"global_layers must be \(5,\)"),
        (GEMMA3, GEMMA | {"local_rope_base": 500.0}, "local_rope_base must be 10000.0"),
        (GEMMA3, GEMMA | {"query_pre_attn_scalar": 10}, "query_pre_attn_scalar must be 8"),
        (GEMMA3, GEMMA | {"window": None, "global_layers": (), "local_rope_base": None}, "attention.sliding_window"),
    ],
)
def test_what_the_format_cannot_say_is_refused(tmp_path, small_config, design, changes, words):
    with pytest.raises(LayersError, match=words):
        save_gguf(Decoder(small_config(**(SHAPE | changes), design=design)), tmp_path / "model.gguf")
    assert not list(tmp_path.iterdir())


def test_a_weight_that_does_not_fit_leaves_the_old_file(tmp_path, make, tokens, small_config, random_model):
    path = tmp_path / "model.gguf"
    save_gguf(make(), path)
    before = path.read_bytes()
    for value, dtype, words in ((7e4, "F16", "at most 65504"), (float("nan"), "F32", "holds nan")):
        broken = make()
        with torch.no_grad():
            broken.blocks[1].feed_forward.down.weight[3, 4] = value
        with pytest.raises(LayersError, match=f"blk.1.ffn_down.weight must hold values.*{words}"):
            save_gguf(broken, path, dtype=dtype)
    with pytest.raises(LayersError, match=r"token_embd\.weight must have rows of a multiple of 32 weights for Q8_0"):
        save_gguf(random_model(small_config()), path, dtype="Q8_0")
    with pytest.raises(LayersError, match="cannot be written"):
        save_gguf(make(), tmp_path / "nowhere" / "model.gguf")
    with pytest.raises(LayersError, match="dtype must be one of F32, F16, BF16, Q8_0, but was 'Q4_K'"):
        save_gguf(make(), path, dtype="Q4_K")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.gguf"]


def test_writing_holds_one_tensor_at_a_time(tmp_path, make):
    model = make(d_model=256, d_ff=1024, layers=6)
    largest = 4 * 256 * 1024
    tracemalloc.start()
    save_gguf(model.to(torch.bfloat16), tmp_path / "model.gguf", dtype="F32")
    peak = tracemalloc.get_traced_memory()[1]  # of NumPy's memory, in which all conversions happen
    tracemalloc.stop()
    assert (tmp_path / "model.gguf").stat().st_size > 18 * largest
    assert peak < 6 * largest


def test_the_tokenizer_goes_along(tmp_path, make):
    tokenizer = train_bpe(["to be or not to be"], vocab_size=262, special_tokens=["<|endoftext|>"])
    model = make(vocab_size=270)
    save_gguf(model, tmp_path / "model.gguf", tokenizer=tokenizer)
    loaded = load_tokenizer(tmp_path / "model.gguf")
    assert loaded.encode("not to be<|endoftext|>", allowed_special=["<|endoftext|>"]) == tokenizer.encode(
        "not to be<|endoftext|>", allowed_special="all"
    )
    assert load_gguf(tmp_path / "model.gguf").config == model.config
    with pytest.raises(LayersError, match="must have at most 23 ids"):
        save_gguf(make(), tmp_path / "model.gguf", tokenizer=tokenizer)
    with pytest.raises(LayersError, match="CharacterTokenizer, which GGUF cannot hold"):
        save_gguf(model, tmp_path / "model.gguf", tokenizer=CharacterTokenizer("abc"))
    with pytest.raises(LayersError, match="eos_token_id: must be 1 to 3 ids, were 0"):
        save_gguf(model, tmp_path / "model.gguf", tokenizer=tokenizer, vocabulary=GgufVocabulary(eos_token_id=[]))


def test_only_a_plain_decoder_is_written(tmp_path, make):
    model = make()
    model.extra = torch.nn.Linear(2, 2)
    with pytest.raises(LayersError, match=r"differs from Decoder\(model.config\) in extra\.bias, extra\.weight"):
        save_gguf(model, tmp_path / "model.gguf")


def test_a_config_needs_no_more_than_float32_keeps(tmp_path, make):
    model = make(rope_base=123456.789, norm_eps=3e-6)
    save_gguf(model, tmp_path / "model.gguf")
    loaded = load_gguf(tmp_path / "model.gguf").config
    assert loaded.norm_eps == 3e-6
    assert loaded.rope_base == pytest.approx(123456.789, rel=1e-7)
    assert isinstance(loaded, ModelConfig)
