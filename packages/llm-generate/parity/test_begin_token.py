"""A tokenizer that puts a begin token before a text: greedy text equals that of transformers, from the same folder."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from llm_generate import CategoricalSampler, SamplingSettings, load, stream_text
from llm_generate.streaming import encode_prompt

PROMPT = "Once upon a time"


def write_folder(folder: Path, begin: str) -> None:
    """A small Llama and a byte-level BPE tokenizer, written by their own libraries; `begin` says who adds the token."""
    torch.manual_seed(2)
    config = LlamaConfig(
        vocab_size=258, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, bos_token_id=256, eos_token_id=257, initializer_range=0.4,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={token: id for id, token in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<s>", "</s>"])
    if begin == "post-processor":
        pieces = {"single": "<s> $A", "pair": "<s> $A <s> $B", "special_tokens": [("<s>", 256)]}
        made.post_processor = processors.TemplateProcessing(**pieces)
    made.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize("begin", ["post-processor", "nobody"])
def test_greedy_text_equals_transformers(tmp_path: Path, begin: str) -> None:
    write_folder(tmp_path, begin)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    ids = theirs(PROMPT, return_tensors="pt").input_ids
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    expected = model.generate(ids, max_new_tokens=24, do_sample=False)[0, ids.shape[1] :]

    loaded = load(tmp_path)
    assert encode_prompt(loaded.tokenizer, PROMPT) == ids[0].tolist()
    stream = stream_text(
        loaded.model, loaded.tokenizer, PROMPT, sampler=CategoricalSampler(SamplingSettings(temperature=0)),
        max_tokens=24, stop_ids=loaded.stop_ids, start_ids=loaded.start_ids,
    )  # fmt: skip
    text = "".join(stream)
    assert stream.token_ids == [id for id in expected.tolist() if id != 257]
    assert text == theirs.decode(expected, skip_special_tokens=True)
