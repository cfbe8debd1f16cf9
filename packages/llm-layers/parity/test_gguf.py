"""GGUF against the outside: the package gguf (blocks, files), transformers (families), llama.cpp (our files run)."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import sentencepiece
import torch
import xllamacpp
from gguf.quants import dequantize, quantize
from transformers import AutoModelForCausalLM

from llm_layers import (
    Decoder,
    Experts,
    LayersError,
    LinearScaling,
    Llama3Scaling,
    ModelConfig,
    YarnScaling,
    load_model,
    save_model,
)
from llm_layers.commands.main import main
from llm_layers.config import GEMMA3, GPT2, LLAMA, OLMO2, QWEN2, QWEN3, QWEN3_MOE, Design
from llm_layers.formats.gguf import load_gguf, save_gguf, saving
from llm_layers.formats.gguf.families import FAMILIES, family_of
from llm_layers.formats.gguf.file import read_gguf
from llm_layers.formats.gguf.tensor_types import TYPES, WRITTEN, decode, encode
from llm_layers.formats.gguf.writing import write_gguf
from llm_layers.formats.huggingface.registry import ARCHITECTURES, architecture_of
from llm_tokenizer import BytePairTokenizer, load_tokenizer, train_bpe
from llm_tokenizer.files.gguf_writing import CHATML, GgufVocabulary

TEXT = Path(__file__).read_text(encoding="utf-8")
TOKENS = 32
PROMPTS = ["The house is", "def test", "from typing import", "a", "    assert ", "12 + 30 ="]


# ---- blocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TYPES)
def test_every_block_becomes_the_numbers_of_the_package_gguf_bit_for_bit(name):
    kind = TYPES[name]
    kept = gguf.GGMLQuantizationType[name]
    assert (kept.value, gguf.GGML_QUANT_SIZES[kept]) == (kind.code, (kind.numbers, kind.size))
    data = np.random.default_rng(1).integers(0, 256, (64, 300 * kind.size), dtype=np.uint8)  # all bytes, NaN and all
    with np.errstate(all="ignore"):
        wanted = dequantize(data, kept).reshape(-1).view(np.uint32)
        assert np.array_equal(decode(kind, data).view(np.uint32), wanted)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_we_write_is_what_the_package_gguf_writes_bit_for_bit(name):
    draw = np.random.default_rng(2)
    numbers = draw.normal(size=(200, 320)) * 10.0 ** draw.integers(-9, 4, size=(200, 1))
    numbers[3] = 0.0
    numbers[5] = np.round(numbers[5] * 4) / 2  # halves, which are rounded away from zero
    numbers = numbers.astype(np.float32)
    wanted = quantize(numbers, gguf.GGMLQuantizationType[name]).view(np.uint8).reshape(-1)
    assert np.array_equal(encode(TYPES[name], "numbers", numbers), wanted)


# ---- files ----------------------------------------------------------------------------------------------------------


def tokenizer_of(vocabulary: int = 403) -> BytePairTokenizer:
    return train_bpe([TEXT], vocab_size=vocabulary, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"])


def peaked(config: ModelConfig, seed: int) -> Decoder:
    """A random model that is sure of what it says, so that rounding rarely changes it."""
    model = Decoder(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 1:
                at = 1.0 if name.endswith("gain") and config.design.norm != "rms_unit_offset" else 0.0
                weight.normal_(at, 0.2, generator=generator)
            else:
                weight.normal_(0.0, weight.shape[-1] ** -0.5, generator=generator)
        model.embedding.table.mul_(4.0 if model.head is None else 8.0)
        if model.head is not None:
            model.head.weight.mul_(4.0)
    return model


SHAPE: dict[str, Any] = {
    "vocab_size": 403, "d_model": 64, "layers": 3, "heads": 4, "kv_heads": 2, "d_head": 32, "d_ff": 96,
    "context_length": 256, "rope_base": 5000.0,
}  # fmt: skip
LLAMA3 = Llama3Scaling(factor=8.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_context=64)
GEMMA: dict[str, Any] = {
    "layers": 7, "window": 24, "global_layers": (5,), "local_rope_base": 10000.0, "query_pre_attn_scalar": 32,
    "tied_embeddings": True,
}  # fmt: skip
HEADS: dict[str, Any] = {"heads": 2, "kv_heads": 2, "rope_base": 10000.0}
MIXTURE: dict[str, Any] = {"experts": Experts(count=6, per_token=2, d_expert=64)}
MODELS: dict[str, tuple[Design, dict[str, Any]]] = {
    "llama": (LLAMA, {}),
    "llama, tied": (LLAMA, {"tied_embeddings": True}),
    "llama 3": (LLAMA, {"rope_scaling": LLAMA3}),
    "llama, linear": (LLAMA, {"rope_scaling": LinearScaling(factor=4.0)}),
    "qwen2": (QWEN2, {"d_head": 16}),
    "qwen3": (QWEN3, {}),
    "qwen3, tied": (QWEN3, {"tied_embeddings": True}),
    "qwen3, yarn": (QWEN3, {"rope_scaling": YarnScaling(factor=4.0, original_context=64)}),
    "qwen3, yarn, own attention factor": (
        QWEN3,
        {"rope_scaling": YarnScaling(factor=4.0, original_context=64, attention_factor=1.3)},
    ),
    "gemma3": (GEMMA3, GEMMA),
    "gemma3, scaled": (GEMMA3, GEMMA | {"rope_scaling": LinearScaling(factor=8.0)}),
    "gpt2": (GPT2, HEADS | {"tied_embeddings": True}),
    "gpt2, untied": (GPT2, HEADS),
    "olmo2": (OLMO2, {"d_head": 16}),
    "olmo2, yarn": (OLMO2, {"d_head": 16, "rope_scaling": YarnScaling(factor=4.0, original_context=64)}),
    "qwen3_moe": (QWEN3_MOE, MIXTURE),
    "qwen3_moe, tied": (QWEN3_MOE, MIXTURE | {"tied_embeddings": True}),
}


def made(name: str, **others: Any) -> Decoder:
    design, changes = MODELS[name]
    return peaked(ModelConfig(**(SHAPE | changes | others), design=design), sum(map(ord, name)))


@pytest.mark.parametrize("dtype", WRITTEN)
def test_the_package_gguf_reads_our_file(tmp_path, dtype):
    model = made("qwen3")
    vocabulary = GgufVocabulary(bos_token_id=401, eos_token_id=[402, 400], chat_template=CHATML)
    save_gguf(model, tmp_path / "model.gguf", tokenizer=tokenizer_of(), dtype=dtype, vocabulary=vocabulary)
    theirs = gguf.GGUFReader(tmp_path / "model.gguf")
    ours = read_gguf(tmp_path / "model.gguf")
    assert [tensor.name for tensor in theirs.tensors] == list(ours.tensors)
    for tensor in theirs.tensors:
        mine = ours.tensors[tensor.name]
        assert (tensor.tensor_type.name, tuple(tensor.shape)[::-1]) == (mine.kind.name, mine.shape)
        assert np.array_equal(dequantize(tensor.data, tensor.tensor_type).reshape(mine.shape), mine.values())
    values = {key: field.contents() for key, field in theirs.fields.items()}
    assert values["general.architecture"] == "qwen3"
    assert values["tokenizer.ggml.tokens"][400:] == ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    assert (values["tokenizer.ggml.eos_token_id"], values["tokenizer.ggml.eot_token_id"]) == (402, 400)
    assert values["tokenizer.chat_template"] == CHATML


@pytest.mark.parametrize("endian", ["v3", "v2"])
def test_we_read_a_file_of_the_package_gguf(tmp_path, endian):
    """Their writer, our reader: a model that is put into a file by other hands."""
    model = made("qwen3")
    weights = dict(model.named_parameters())
    writer = gguf.GGUFWriter(tmp_path / "theirs.gguf", "qwen3")
    for key, value in (("block_count", 3), ("context_length", 256), ("embedding_length", 64)):
        writer.add_uint32(f"qwen3.{key}", value)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_key_length(32)
    writer.add_value_length(32)
    writer.add_rope_freq_base(5000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_token_list([f"t{id}" for id in range(403)])
    mapped = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, 3)
    public = {
        "attention.query": "self_attn.q_proj", "attention.key": "self_attn.k_proj", "attention.value":
        "self_attn.v_proj", "attention.output": "self_attn.o_proj", "attention.query_norm": "self_attn.q_norm",
        "attention.key_norm": "self_attn.k_norm", "attention_norm": "input_layernorm",
        "feed_forward_norm": "post_attention_layernorm", "feed_forward.gate": "mlp.gate_proj",
        "feed_forward.up": "mlp.up_proj", "feed_forward.down": "mlp.down_proj",
    }  # fmt: skip
    names = {"embedding.table": "model.embed_tokens", "final_norm.gain": "model.norm", "head.weight": "lm_head"}
    for name, weight in weights.items():
        if name not in names:
            _, number, part = name.split(".", 2)
            names[name] = f"model.layers.{number}.{public[part.rpartition('.')[0]]}"
        writer.add_tensor(f"{mapped.get_name(names[name])}.weight", weight.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if endian == "v2":  # the versions differ in what big-endian files may be, and in nothing that is read here
        data = bytearray((tmp_path / "theirs.gguf").read_bytes())
        data[4] = 2
        (tmp_path / "theirs.gguf").write_bytes(data)
    loaded = load_gguf(tmp_path / "theirs.gguf")
    assert loaded.config == model.config
    for name, weight in loaded.named_parameters():
        assert torch.equal(weight, weights[name]), name


ARCH_NAMED = {name: key for key, name in gguf.MODEL_ARCH_NAMES.items()}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_tensors_have_the_names_that_the_package_gguf_gives_to_the_public_ones(family):
    """Ours by way of the public names, a second table of ours, which the tests of the families hold to transformers."""
    public = next(each for each in ARCHITECTURES if each.design == family.design).names
    theirs = gguf.get_tensor_name_map(ARCH_NAMED[family.name], 1)
    apart = {ours for ours, stored in family.names.items() if "attn_qkv" not in stored}  # GPT-2's are one public weight
    stacked = {ours for ours, theirs in public.items() if list(public.values()).count(theirs) > 1}
    assert apart == (public.keys() & family.names.keys()) - stacked
    for ours in apart:
        name = public[ours].replace("#", "0").replace(".@", "")
        wanted = theirs.get_name(name, try_suffixes=(".weight", ".bias"))
        assert family.names[ours].replace("#", "0") == wanted, ours


@pytest.mark.parametrize("name", ["olmo2", "qwen3_moe"])
def test_we_read_a_file_of_the_package_gguf_with_blocks_of_four_bits(tmp_path, name):
    """From public weights, with the experts of a block in one tensor; their names, keys, blocks and writer."""
    model, family = made(name), family_of(made(name).config)
    config, theirs = model.config, gguf.get_tensor_name_map(ARCH_NAMED[family.name], model.config.layers)
    writer = gguf.GGUFWriter(tmp_path / "theirs.gguf", family.name)
    writer.add_block_count(config.layers)
    writer.add_context_length(config.context_length)
    writer.add_embedding_length(config.d_model)
    writer.add_feed_forward_length(config.d_ff)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_rope_freq_base(config.rope_base)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_token_list([f"t{id}" for id in range(config.vocab_size)])
    if config.experts is not None:
        writer.add_key_length(config.d_head)
        writer.add_value_length(config.d_head)
        writer.add_expert_count(config.experts.count)
        writer.add_expert_used_count(config.experts.per_token)
        writer.add_expert_feed_forward_length(config.experts.d_expert)
    stacks: dict[str, list[np.ndarray]] = {}
    for public, weight in architecture_of(config).to_public(dict(model.named_parameters())).items():
        stored = theirs.get_name(re.sub(r"\.experts\.\d+\.", ".experts.", public), try_suffixes=(".weight",))
        stacks.setdefault(stored, []).append(weight.detach().numpy())
    wanted = {stored: np.stack(parts) if len(parts) > 1 else parts[0] for stored, parts in stacks.items()}
    for stored, numbers in wanted.items():
        kind = gguf.GGMLQuantizationType["F32" if numbers.ndim == 1 or "gate_inp" in stored else "Q4_0"]
        blocks = quantize(numbers, kind)
        writer.add_tensor(stored, blocks, raw_dtype=kind)
        wanted[stored] = dequantize(blocks, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    loaded = load_gguf(tmp_path / "theirs.gguf")
    assert loaded.config == config
    for stored, parts in family.groups(dict(loaded.named_parameters())).items():
        assert np.array_equal(loaded.get_parameter(parts[0]).detach().numpy(), wanted[stored]), stored
    assert len(wanted) == len(dict(loaded.named_parameters()))


# transformers reads no width of a head for the Qwens, nor that of an expert: they must be what it takes unsaid.
WIDTHS: dict[str, dict[str, Any]] = {
    "llama": {"d_head": 32},
    "llama, tied": {"d_head": 16},
    "qwen2": {"d_head": 16},
    "qwen3": {"d_head": 128},
    "qwen3, tied": {"d_head": 128},
    "qwen3_moe": {"experts": Experts(count=6, per_token=2, d_expert=768)},
}  # of GPT-2 it reads neither d_ff nor the context, and of OLMo 2 nothing


@pytest.mark.parametrize("name", WIDTHS)
def test_transformers_reads_our_file(tmp_path, name):
    model = made(name, **WIDTHS[name])
    save_gguf(model, tmp_path / "model.gguf", tokenizer=tokenizer_of(), dtype="F32")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="model.gguf", dtype=torch.float32)
    tokens = torch.randint(0, 400, (2, 60), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        difference = (theirs(tokens).logits - model(tokens)).abs().max().item()
    print(f"{name}: largest difference of a logit to transformers {difference:.2g}")
    assert difference < 1e-4


# ---- llama.cpp ------------------------------------------------------------------------------------------------------


class LlamaCpp:
    """llama.cpp with one file, asked over its own interface."""

    def __init__(self, path: Path) -> None:
        settings = xllamacpp.CommonParams()
        settings.model.path = str(path)
        settings.n_ctx = 256
        settings.n_gpu_layers = 0
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
        settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32  # not the usual float16
        settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED  # sums in float16
        settings.warmup = False
        settings.verbosity = -1
        self._server = xllamacpp.Server(settings)

    def ask(self, place: str, **question: Any) -> Any:
        request = urllib.request.Request(
            self._server.listening_address + place,
            data=json.dumps(question).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def greedy(self, ids: list[int]) -> list[int]:
        answer = self.ask(
            "/completion", prompt=ids, n_predict=TOKENS, temperature=0, return_tokens=True, cache_prompt=False,
            ignore_eos=True,
        )  # fmt: skip
        return answer["tokens"]

    def top(self, ids: list[int]) -> dict[int, float]:
        """The five most likely ids and the logarithms of their probabilities; empty where the best is half a letter."""
        answer = self.ask(
            "/completion", prompt=ids, n_predict=1, temperature=0, n_probs=5, cache_prompt=False, ignore_eos=True
        )
        found = answer.get("completion_probabilities") or [{"top_logprobs": []}]
        return {each["id"]: each["logprob"] for each in found[0]["top_logprobs"]}


@contextmanager
def llama_cpp(path: Path) -> Iterator[LlamaCpp]:
    server = LlamaCpp(path)
    try:
        yield server
    finally:
        del server


def ends_of(tokenizer: BytePairTokenizer) -> list[int]:
    """The tokens that llama.cpp never chooses when it is asked to go on."""
    return [id for name, id in tokenizer.special_tokens.items() if name in ("<|endoftext|>", "<|im_end|>")]


@torch.inference_mode()
def greedy(model: Decoder, tokenizer: BytePairTokenizer, ids: list[int]) -> list[int]:
    """The most likely tokens, but never one at which llama.cpp would end the text: there we ask it to go on."""
    ends = ends_of(tokenizer)
    cache, new, step = model.new_cache(), [], ids
    while len(new) < TOKENS:
        logits = model(torch.tensor([step]), cache)[0, -1]
        logits[ends] = -torch.inf
        step = [int(logits.argmax())]
        new += step
    return new


@torch.inference_mode()
def farthest_from_the_best(model: Decoder, tokenizer: BytePairTokenizer, ids: list[int], new: list[int]) -> float:
    """How far below the most likely token those that were chosen lie, at most, in logarithms of probabilities."""
    ahead = model(torch.tensor([ids + new]))[0, len(ids) - 1 : -1]
    ahead[:, ends_of(tokenizer)] = -torch.inf
    return (ahead.amax(-1) - ahead[range(len(new)), new]).max().item()


@torch.inference_mode()
def largest_difference(model: Decoder, server: LlamaCpp, ids: list[int], lengths: range) -> float:
    """Of the logarithms of the five largest probabilities, behind several beginnings of a text."""
    differences = []
    for length in lengths:
        mine = model(torch.tensor([ids[:length]]))[0, -1].log_softmax(-1)
        differences += [abs(mine[id].item() - logprob) for id, logprob in server.top(ids[:length]).items()]
    assert len(differences) >= 20, "too few probabilities were given"
    return max(differences)


@pytest.mark.parametrize("name", MODELS)
def test_llama_cpp_runs_every_family_as_we_do(tmp_path, name):
    model, tokenizer = made(name), tokenizer_of()
    save_gguf(model, tmp_path / "model.gguf", tokenizer=tokenizer, dtype="F32")
    assert load_gguf(tmp_path / "model.gguf").config == model.config
    with llama_cpp(tmp_path / "model.gguf") as server:
        ids = tokenizer.encode(TEXT[:600])[:120]  # beyond the window and the length before scaling
        difference = largest_difference(model, server, ids, range(5, 120, 6))
        print(f"{name}: largest difference of a log-probability to llama.cpp {difference:.2g}")
        # Its GELU comes from a table of float16 numbers.
        assert difference < (1e-2 if name.startswith(("gemma3", "gpt2")) else 1e-4)
        for prompt in PROMPTS[:2]:
            start = tokenizer.encode(prompt)
            assert server.greedy(start) == greedy(model, tokenizer, start), prompt


# What llama.cpp's rounding of what flows through a matrix makes of random models, which nobody trained to bear it.
RANDOM_BOUNDS = {"F16": 2e-2, "BF16": 0.2, "Q8_0": 0.8}
# All experts work on every token: rounding may make a router choose another one, and then all bounds are off.
UNCHOSEN: dict[str, dict[str, Any]] = {
    "olmo2": {},
    "qwen3_moe": {"experts": Experts(count=4, per_token=4, d_expert=64)},
}


@pytest.mark.parametrize("dtype", RANDOM_BOUNDS)
@pytest.mark.parametrize("name", UNCHOSEN)
def test_llama_cpp_runs_the_other_types_of_tensors(tmp_path, name, dtype):
    tokenizer = tokenizer_of()
    save_gguf(made(name, **UNCHOSEN[name]), tmp_path / "model.gguf", tokenizer=tokenizer, dtype=dtype)
    kept = load_gguf(tmp_path / "model.gguf")
    with llama_cpp(tmp_path / "model.gguf") as server:
        difference = largest_difference(kept, server, tokenizer.encode(TEXT[:600])[:120], range(5, 120, 16))
    print(f"{name}, {dtype}: largest difference of a log-probability to llama.cpp {difference:.2g}")
    assert difference < RANDOM_BOUNDS[dtype]


def test_llama_cpp_makes_the_shares_of_experts_add_up_whatever_a_file_says(tmp_path, monkeypatch):
    """Why a model whose routing weights do not add up to one is refused as a file."""
    summing, tokenizer = made("qwen3_moe"), tokenizer_of()
    loose = Decoder(replace(summing.config, experts=replace(summing.config.experts, norm_topk_prob=False)))
    loose.load_state_dict(summing.state_dict())
    with pytest.raises(LayersError, match=r"llama\.cpp renormalizes the weights of the chosen experts"):
        save_gguf(loose, tmp_path / "loose.gguf", tokenizer=tokenizer)
    denying = {gguf.Keys.LLM.EXPERT_WEIGHTS_NORM.format(arch="qwen3moe"): False}
    monkeypatch.setattr(saving, "write_gguf", lambda path, head, tensors: write_gguf(path, head | denying, tensors))
    save_gguf(summing, tmp_path / "said.gguf", tokenizer=tokenizer)
    with pytest.raises(LayersError, match="expert_weights_norm must be True"):
        load_gguf(tmp_path / "said.gguf")
    with llama_cpp(tmp_path / "said.gguf") as server:
        ids = tokenizer.encode(TEXT[:600])[:120]
        near, far = (largest_difference(model, server, ids, range(5, 120, 16)) for model in (summing, loose))
    print(f"expert_weights_norm False: difference to weights that add up {near:.2g}, to those that do not {far:.2g}")
    assert near < 1e-4 < 0.1 < far


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Decoder, BytePairTokenizer]:
    """A model of ours that has learned something, with the tokenizer that it was trained with."""
    root = tmp_path_factory.mktemp("runs")
    command = [sys.executable, "-m", "llm_train", "run", "--recipe", "tiny", "--set", "steps=150"]
    subprocess.run([*command, "--runs", str(root), "--run", "made"], check=True, capture_output=True)
    return load_model(root / "made" / "model"), load_tokenizer(root / "made" / "model")


# What is between our float32 and llama.cpp's own arithmetic: it rounds what flows through a matrix to the matrix' type.
BOUNDS = {"F32": 1e-4, "F16": 2e-3, "BF16": 2e-2, "Q8_0": 0.1}


@pytest.mark.parametrize("dtype", BOUNDS)
def test_llama_cpp_writes_the_text_of_our_trained_model(tmp_path, trained, dtype):
    model, tokenizer = trained
    save_gguf(model, tmp_path / "model.gguf", tokenizer=tokenizer, dtype=dtype)
    kept = load_gguf(tmp_path / "model.gguf")
    with llama_cpp(tmp_path / "model.gguf") as server:
        ids = tokenizer.encode("ROMEO: But soft, what light through yonder window breaks? It is the east")[:60]
        difference = largest_difference(kept, server, ids, range(3, len(ids), 8))
        print(f"trained, {dtype}: largest difference of a log-probability to llama.cpp {difference:.2g}")
        assert difference < BOUNDS[dtype]
        for prompt in ("ROMEO:", "The king", "O, my"):
            start = tokenizer.encode(prompt)
            found = server.greedy(start)
            # Where two tokens are nearly as likely, rounding decides: both may be off by the bound.
            assert farthest_from_the_best(kept, tokenizer, start, found) < 2 * BOUNDS[dtype], prompt
            text = server.ask("/completion", prompt=prompt, n_predict=TOKENS, temperature=0, ignore_eos=True)["content"]
            assert text.encode() == tokenizer.decode(found).encode(), prompt


ODD_TEXTS = [
    *PROMPTS,
    "naïve café — “quotes” … €3.50",
    "日本語 中文 한국어",
    "🙂 👩‍👩‍👧‍👦",
    "I'LL you're DON'T",
    "  two\n\n\nlines\t\n",
    "1,000,000 3.14",
]


@pytest.mark.parametrize("pattern", ["gpt2", "llama3", "qwen2", "smollm"])
def test_llama_cpp_gives_our_ids_with_our_vocabulary(tmp_path, pattern):
    tokenizer = train_bpe([TEXT, *ODD_TEXTS], vocab_size=500, pattern=pattern, special_tokens=["<|endoftext|>"])
    model = peaked(ModelConfig(**(SHAPE | {"vocab_size": 504})), 1)  # three ids more than there are tokens
    save_gguf(model, tmp_path / "model.gguf", tokenizer=tokenizer)
    with llama_cpp(tmp_path / "model.gguf") as server:
        for text in [*ODD_TEXTS, TEXT, "<|endoftext|>"]:
            wanted = tokenizer.encode(text)
            assert server.ask("/tokenize", content=text, parse_special=False)["tokens"] == wanted, text
        marked = server.ask("/tokenize", content="a<|endoftext|>b", parse_special=True)["tokens"]
        assert marked == tokenizer.encode("a<|endoftext|>b", allowed_special="all")


def test_a_model_with_a_sentencepiece_vocabulary_is_converted_there_and_back(tmp_path):
    text = ["The cat sat on the mat and the dog ran after it.", "Numbers 1 2 3 and 12345, names like Anna."] * 50
    (tmp_path / "folder").mkdir()
    stored = tmp_path / "folder" / "tokenizer.model"
    with stored.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(text), model_writer=file, vocab_size=310, model_type="bpe", byte_fallback=True,
            normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2,
            user_defined_symbols=["<|im_start|>"],
        )  # fmt: skip
    reference = sentencepiece.SentencePieceProcessor(model_file=str(stored))
    config = ModelConfig(**(SHAPE | {"vocab_size": 310}), design=LLAMA)
    save_model(peaked(config, 3), tmp_path / "folder", bos_token_id=1, eos_token_id=2)
    for source, target in (("folder", "model.gguf"), ("model.gguf", "back")):
        assert main(["convert", str(tmp_path / source), str(tmp_path / target)]) == 0
        for words in ("The cat ran  twice é🙂", "<|im_start|>Anna 12"):
            assert load_tokenizer(tmp_path / target).encode(words) == reference.encode(words)
