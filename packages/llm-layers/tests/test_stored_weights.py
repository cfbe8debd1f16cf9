"""Nothing in a weight file is dropped unless it is equal to what replaces it, and each file is opened once."""

import json
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from llm_layers import Decoder, Experts, LayersError, load_model, quantize_model, save_gguf, save_model
from llm_layers.config import GEMMA3, GPT2, LLAMA, QWEN3_MOE
from llm_layers.layers.rotary import inverse_frequencies

FILE, INDEX = "model.safetensors", "model.safetensors.index.json"
INV_FREQ = "model.layers.1.self_attn.rotary_emb.inv_freq"


@pytest.fixture
def folder(tmp_path, small_config, random_model):
    save_model(random_model(small_config(design=LLAMA)), tmp_path)
    return tmp_path


def change_settings(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def change_weights(folder, changes):
    save_file(load_file(folder / FILE) | changes, folder / FILE)


def split(folder, index, **more):
    """Two files and an index; `more` changes what they hold."""
    weights = load_file(folder / FILE)
    names = sorted(weights)
    parts = {"a.safetensors": names[:5], "b.safetensors": names[5:]}
    for file, held in parts.items():
        save_file({name: weights[name] for name in held} | more.get(file[0], {}), folder / file)
    (folder / FILE).unlink()
    weight_map = {name: file for file, held in parts.items() for name in held} | index
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    return weights


def test_a_head_of_its_own_is_used_whatever_the_settings_say(folder, tokens):
    untied = load_model(folder)
    change_settings(folder, tie_word_embeddings=True)
    loaded = load_model(folder)
    assert not loaded.config.tied_embeddings
    assert torch.equal(loaded(tokens), untied(tokens))


def test_a_tied_model_may_hold_its_table_under_either_name(tmp_path, tokens, small_config, random_model):
    model = random_model(small_config(tied_embeddings=True))
    save_model(model, tmp_path)
    weights = load_file(tmp_path / FILE)
    weights["lm_head.weight"] = weights.pop("model.embed_tokens.weight")
    save_file(weights, tmp_path / FILE)
    loaded = load_model(tmp_path)
    assert loaded.config.tied_embeddings
    assert torch.equal(loaded(tokens), model(tokens))


def test_a_gguf_head_is_used_too(tmp_path, tokens, small_config, random_model):
    model = random_model(small_config())
    save_gguf(model, tmp_path / "model.gguf")
    assert torch.equal(load_model(tmp_path / "model.gguf")(tokens), model(tokens))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_stored_frequencies_must_be_those_of_the_settings(folder, tokens, dtype):
    plain = load_model(folder)(tokens)
    change_weights(folder, {INV_FREQ: inverse_frequencies(6, 500.0).to(dtype)})
    assert torch.equal(load_model(folder)(tokens), plain)
    change_weights(folder, {INV_FREQ: inverse_frequencies(6, 600.0).to(dtype)})
    with pytest.raises(LayersError, match=rf"{INV_FREQ} in .* must be what follows from config.json, but differs"):
        load_model(folder)


def test_stored_frequencies_may_be_scaled_ones(tmp_path, small_config, random_model):
    config = small_config(design=GEMMA3, window=5, global_layers=(1,), local_rope_base=100.0, query_pre_attn_scalar=6)
    save_model(random_model(config), tmp_path)
    change_weights(tmp_path, {"model.rotary_emb_local.inv_freq": inverse_frequencies(6, 100.0)})
    load_model(tmp_path)
    change_weights(tmp_path, {"model.rotary_emb_local.inv_freq": inverse_frequencies(6, 500.0)})
    with pytest.raises(LayersError, match="rotary_emb_local"):
        load_model(tmp_path)


def test_stored_masks_of_gpt2_must_be_causal(tmp_path, tokens, small_config, random_model):
    model = random_model(small_config(design=GPT2, kv_heads=4, d_head=3, rope_base=10000.0))
    save_model(model, tmp_path)
    causal = torch.ones(1, 1, 32, 32, dtype=torch.uint8).tril()
    change_weights(tmp_path, {"h.0.attn.bias": causal, "h.0.attn.masked_bias": torch.tensor(-1e4)})
    assert torch.equal(load_model(tmp_path)(tokens), model(tokens))
    change_weights(tmp_path, {"h.0.attn.bias": 1 - causal})
    with pytest.raises(LayersError, match=r"h\.0\.attn\.bias in .* differs"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.0.self_attn.q_norm.weight",
        "model.layers.0.self_attn.k_proj.bias",
        "model.layers.2.input_layernorm.weight",
        "model.layers.0.mlp.experts.0.up_proj.weight",
        "score.weight",
    ],
)
def test_a_weight_that_has_no_place_is_named(folder, name):
    change_weights(folder, {name: torch.zeros(12)})
    with pytest.raises(LayersError, match=f"unexpected: {name}"):
        load_model(folder)


def test_an_expert_too_many_or_too_few_is_named(tmp_path, small_config):
    save_model(Decoder(small_config(design=QWEN3_MOE, experts=Experts(count=3, per_token=1, d_expert=4))), tmp_path)
    for count, words in ((2, r"unexpected: model.layers.0.mlp.experts.2.down_proj"), (4, "missing: .*experts.3.down")):
        change_settings(tmp_path, num_experts=count, num_local_experts=count)
        with pytest.raises(LayersError, match=words):
            load_model(tmp_path)
    change_settings(tmp_path, num_experts=3, num_local_experts=4)
    with pytest.raises(LayersError, match=r"num_experts and num_local_experts in config.json must agree"):
        load_model(tmp_path)


def test_a_weight_in_two_files_must_be_the_same(folder, tokens):
    wanted, norm = load_model(folder)(tokens), "model.norm.weight"
    weight = load_file(folder / FILE)[norm]
    split(folder, {}, a={norm: weight})
    assert torch.equal(load_model(folder)(tokens), wanted)
    save_file(load_file(folder / "a.safetensors") | {norm: weight + 1}, folder / "a.safetensors")
    with pytest.raises(LayersError, match=rf"{norm} must be the same .* 'a.safetensors' and {norm} in 'b.safetensors'"):
        load_model(folder)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ({"model.norm.weight": "a.safetensors"}, "says that 'a.safetensors' holds model.norm.weight, but it does not"),
        ({"model.norm.weight": "c.safetensors"}, "c.safetensors' cannot be read: there is no such file"),
        ({"model.more.weight": "b.safetensors"}, "says that 'b.safetensors' holds model.more.weight"),
        ({"model.norm.weight": 3}, "must name a file for each weight"),
    ],
)
def test_an_index_that_contradicts_its_files_is_refused(folder, index, words):
    split(folder, index)
    with pytest.raises(LayersError, match=words):
        load_model(folder)


def test_pickled_weights_are_named(folder):
    (folder / FILE).rename(folder / "pytorch_model.bin")
    with pytest.raises(LayersError, match="no such file; the weights beside it are pickled"):
        load_model(folder)


def test_types_without_their_scales_are_refused(folder):
    change_weights(folder, {"model.norm.weight": torch.ones(12).to(torch.float8_e4m3fn)})
    with pytest.raises(LayersError, match=r"model.norm.weight in .* must be one of .*, but was float8_e4m3fn"):
        load_model(folder)


def test_of_several_types_the_most_precise_is_kept(folder, tokens):
    weights = {name: weight.bfloat16() for name, weight in load_file(folder / FILE).items()}
    save_file(weights | {"model.norm.weight": weights["model.norm.weight"].float()}, folder / FILE)
    loaded = load_model(folder)
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    assert loaded(tokens).dtype == torch.float32
    assert load_model(folder, dtype=torch.bfloat16)(tokens).dtype == torch.bfloat16


def test_thousands_of_weights_take_no_longer_than_their_bytes(tmp_path, small_config):
    experts = Experts(count=170, per_token=2, d_expert=4)
    model = Decoder(small_config(design=QWEN3_MOE, experts=experts, layers=12))
    taken = {}

    def timed(what, work):
        start = time.perf_counter()
        result = work()
        taken[what] = time.perf_counter() - start
        return result

    timed("save", lambda: save_model(model, tmp_path / "model"))
    weights = load_file(tmp_path / "model" / FILE)
    assert len(weights) > 6200
    loaded = timed("load", lambda: load_model(tmp_path / "model"))
    names = sorted(weights)
    for part in range(4):
        save_file({name: weights[name] for name in names[part::4]}, tmp_path / "model" / f"{part}.safetensors")
    (tmp_path / "model" / FILE).unlink()
    index = {name: f"{place % 4}.safetensors" for place, name in enumerate(names)}
    (tmp_path / "model" / INDEX).write_text(json.dumps({"weight_map": index}))
    timed("load four files", lambda: load_model(tmp_path / "model"))
    timed("save gguf", lambda: save_gguf(loaded, tmp_path / "model.gguf"))
    timed("load gguf", lambda: load_model(tmp_path / "model.gguf"))
    timed("quantize", lambda: quantize_model(loaded, 8))
    assert max(taken.values()) < 10, taken  # seconds, on a busy machine; the quadratic way took forty
