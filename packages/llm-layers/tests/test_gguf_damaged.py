"""Thousands of damaged GGUF files: one kind of error, which names the file, and never more memory than a file has."""

import random
import re
import resource
import struct

import pytest

from llm_layers import Experts, LayersError
from llm_layers.config import GEMMA3, GPT2, LLAMA, OLMO2, QWEN3, QWEN3_MOE
from llm_layers.formats.gguf import load_gguf, save_gguf
from llm_layers.formats.gguf.file import read_gguf
from llm_tokenizer import train_bpe

COUNT = 1500  # of each family
HUGE = [0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1]
FAMILIES = {
    "llama": (LLAMA, {}),
    "qwen3": (QWEN3, {}),
    "gemma3": (GEMMA3, {"window": 5, "local_rope_base": 10000.0, "query_pre_attn_scalar": 6, "tied_embeddings": True}),
    "gpt2": (GPT2, {"kv_heads": 4, "d_head": 3, "rope_base": 10000.0}),
    "olmo2": (OLMO2, {"heads": 2, "d_head": 6}),
    "qwen3moe": (QWEN3_MOE, {"experts": Experts(count=3, per_token=2, d_expert=5)}),
}


def damaged(data: bytes, front: int, dice: random.Random) -> bytes:
    """Cut off, flipped, overwritten, taken out, doubled; most often in front of the weights."""
    place = dice.randrange(front if dice.random() < 0.9 else len(data))
    length = dice.choice([1, 1, 2, 4, 8, 50])
    after = data[place + length :]
    return dice.choice(
        [
            lambda: data[:place],
            lambda: data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :],
            lambda: data[:place] + dice.randbytes(length) + after,
            lambda: data[:place] + after,
            lambda: data[:place] + data[place : place + length] * 2 + after,
            lambda: data[:place] + struct.pack("<Q", dice.choice(HUGE)) + data[place + 8 :],
            lambda: data[:place] + struct.pack("<I", dice.choice(HUGE) % 2**32) + data[place + 4 :],
        ]
    )()


@pytest.mark.parametrize("family", FAMILIES)
def test_damage_is_named_and_nothing_else_happens(tmp_path, small_config, random_model, family):
    design, changes = FAMILIES[family]
    tokenizer = train_bpe(["to be"], vocab_size=258, special_tokens=["<|endoftext|>"])
    model = random_model(small_config(layers=1, vocab_size=258, **changes, design=design))
    path = tmp_path / "model.gguf"
    save_gguf(model, path, tokenizer=tokenizer)
    whole = path.read_bytes()
    front = len(whole) - sum(len(tensor.data) for tensor in read_gguf(path).tensors.values())
    dice = random.Random(family)
    refused = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(COUNT):
        path.write_bytes(damaged(whole, front, dice))
        try:
            load_gguf(path)
        except LayersError as error:
            refused += 1
            said = str(error)
            assert said.startswith(f"'{path}'"), said
            assert re.search("must|do not fit|does not know", said), said
            assert len(said) < 3000, said
    assert refused > COUNT // 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


@pytest.mark.parametrize("family", ["qwen3", "qwen3moe"])
@pytest.mark.parametrize("value", HUGE)
def test_no_number_in_the_head_is_believed(tmp_path, small_config, random_model, family, value):
    """Every whole number in front of the weights, one after the other, becomes huge."""
    path = tmp_path / "model.gguf"
    design, changes = FAMILIES[family]
    save_gguf(random_model(small_config(**changes, design=design)), path)
    whole = path.read_bytes()
    front = len(whole) - sum(len(tensor.data) for tensor in read_gguf(path).tensors.values())
    for place in range(4, front, 12 if value else 4):
        path.write_bytes(whole[:place] + struct.pack("<Q", value) + whole[place + 8 :])
        try:
            load_gguf(path)
        except LayersError as error:
            assert str(error).startswith(f"'{path}'")  # noqa: PT017 - what is not refused must load


def test_small_and_foreign_files(tmp_path):
    path = tmp_path / "model.gguf"
    with pytest.raises(LayersError, match="no such file"):
        load_gguf(path)
    with pytest.raises(LayersError, match="cannot be read"):
        load_gguf(tmp_path)
    for data, words in (
        (b"", "must be a GGUF file, which begins with b'GGUF', but is empty"),
        (b"GGUF", "at least 24 bytes"),
        (b"{" * 100, "must be a GGUF file, .* but begins with b'{{{{'"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version: must be 2 or 3"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "number of tensors: must be at most 0"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "general.architecture must be one of"),
    ):
        path.write_bytes(data)
        with pytest.raises(LayersError, match=words):
            load_gguf(path)
