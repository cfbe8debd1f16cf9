"""What `llm-train` leaves behind is a Hugging Face model: transformers and tokenizers read it as it is.

Every run under the folder LLM_RUNS is tried, and one that is made here, so that there is always one.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from llm_layers import EAGER, FUSED, load_model
from llm_tokenizer import load_tokenizer
from llm_train import Recipe, train

NASTY = [
    "",
    " ",
    "\n\n\t ",
    "a" * 500,
    " " * 300,
    "naïve café — “quotes” … €",
    "e\u0301 vs é",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇮🇸",
    "日本語のテキスト 中文 한국어",
    "שלום عالم नमस्ते สวัสดี",
    "\r\n\r\x0b\x0c\x1c\x85\u2028\u2029",
    "\x00\x01\x7f\u200b\ufeff\ufffd",
    "I'LL you're we've 'tis don'T",
    "<|endoftext|> <|end_of_text|> <|im_start|>",
    "3.14159 1,000,000 ½ ⅷ ๓",
    "\U0001f9ff\U0010fffd\ue000",
]


def runs() -> list[Path]:
    root = Path(os.environ.get("LLM_RUNS", "runs"))
    return sorted(folder.parent for folder in root.glob("*/results.json"))


@pytest.fixture(scope="module", params=[*runs(), None], ids=lambda run: run.name if run else "made here")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param is not None:
        return request.param
    root = tmp_path_factory.mktemp("runs")
    command = [sys.executable, "-m", "llm_train", "run", "--recipe", "tiny", "--runs", str(root), "--run", "made"]
    subprocess.run(command, check=True, capture_output=True)
    return root / "made"


def held_out_lines(run: Path) -> list[str]:
    header = json.loads((run / "tokens" / "held-out.json").read_text())
    ids = np.fromfile(run / "tokens" / "held-out.bin", dtype=header["dtype"])
    text = load_tokenizer(run / "model").decode(ids.tolist())
    return [line for line in text.splitlines() if line][:1000]


@pytest.mark.parametrize(("theirs", "ours"), [("eager", EAGER), ("sdpa", FUSED)], ids=["clear", "fused"])
def test_transformers_loads_it_without_a_word_and_gives_our_logits(
    run: Path, theirs: str, ours: Callable[..., torch.Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        model, report = AutoModelForCausalLM.from_pretrained(
            run / "model", attn_implementation=theirs, output_loading_info=True
        )
    assert not any(report.get(kind) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING], caplog.text
    decoder = load_model(run / "model", kernels=ours)
    ids = load_tokenizer(run / "model").encode("\n".join(held_out_lines(run)))
    length = decoder.context_length
    windows = torch.tensor([ids[start : start + length] for start in range(0, 20 * length, length)])
    with torch.inference_mode():
        difference = (model(windows).logits - decoder(windows)).abs().max().item()
    print(f"{run.name}, {theirs}: largest difference of a logit {difference:.2g}")
    assert difference <= 1e-5


def test_tokenizers_gives_our_ids_on_held_out_lines_and_on_nasty_text(run: Path) -> None:
    ours = load_tokenizer(run / "model")
    theirs = Tokenizer.from_file(str(run / "model" / "tokenizer.json"))
    automatic = AutoTokenizer.from_pretrained(run / "model")
    lines = held_out_lines(run)
    assert len(lines) == 1000
    for text in [*lines, *NASTY]:
        # In a text special tokens are plain characters for us; the library is asked to treat them so too.
        if not any(name in text for name in ours.special_tokens):
            assert theirs.encode(text, add_special_tokens=False).ids == ours.encode(text), repr(text)
            assert automatic(text, add_special_tokens=False).input_ids == ours.encode(text), repr(text)
        assert theirs.decode(ours.encode(text), skip_special_tokens=False) == text, repr(text)


def test_a_checkpoint_of_a_run_in_progress_is_a_model_for_transformers(tmp_path: Path) -> None:
    settings = ["steps=100000", "keep_every=5", "keep=100", "validations=0", "samples=0", "checkpoints=0"]
    command = [sys.executable, "-m", "llm_train", "run", "--recipe", "tiny", "--runs", str(tmp_path), "--run", "going"]
    running = subprocess.Popen([*command, *(f"--set={one}" for one in settings)], stdout=subprocess.DEVNULL)
    try:
        while not (found := sorted((tmp_path / "going").glob("checkpoints/step-*"))):
            assert running.poll() is None, "the run has ended"
            time.sleep(0.1)
        folder = found[0]
        model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
        ids = AutoTokenizer.from_pretrained(folder)("Enter HAMLET", return_tensors="pt").input_ids
        assert running.poll() is None, "the run has ended"
    finally:
        running.terminate()
        running.wait()
    assert ids[0].tolist() == load_tokenizer(folder).encode("Enter HAMLET")
    with torch.inference_mode():
        torch.testing.assert_close(model(ids).logits, load_model(folder, kernels=EAGER)(ids), rtol=0, atol=1e-5)


class HuggingFaceTokenizer:
    """A tokenizer of the library `tokenizers`, with the names that ours has."""

    def __init__(self, file: Path) -> None:
        self.theirs = Tokenizer.from_file(str(file))
        self.vocab_size = self.theirs.get_vocab_size()
        self.special_tokens = {one.content: id for id, one in self.theirs.get_added_tokens_decoder().items()}
        self.bytes_of = load_tokenizer(file).token_bytes  # theirs cannot tell the bytes of half a character

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        return self.theirs.encode(text, add_special_tokens=False).ids

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        return [one.ids for one in self.theirs.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, ids: Iterable[int]) -> str:
        return self.theirs.decode(list(ids), skip_special_tokens=False)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        return b"".join(self.bytes_of(id) for id in ids)

    def token_bytes(self, id: int) -> bytes:
        return self.bytes_of(id)


def test_a_tokenizer_of_hugging_face_trains_the_same_model(tmp_path: Path) -> None:
    recipe = Recipe.load("tiny").with_values(steps=10)
    ours = train(recipe, tmp_path / "ours")
    theirs = HuggingFaceTokenizer(tmp_path / "ours" / "model" / "tokenizer.json")
    result = train(recipe.with_values(vocab_size=None), tmp_path / "theirs", tokenizer=theirs)
    assert result["validation_loss"] == ours["validation_loss"]
