"""The function that a contract pins runs, or is listed as an alternative. llm-layers traces its own in the same way."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

from surface import ROOT
from test_imports import MODULES, sources

PAGE = ROOT / "docs" / "explanation" / "alternatives.md"
CHOSEN_EXPLICITLY = {"fast", "kernels", "reference", "spec"}  # bound to the same contracts


def pinned_functions() -> Iterator[tuple[Path, str]]:
    """The file and the name of every public function or class whose docstring names its contract."""
    for module in set(MODULES) - {"llm_layers"}:
        for path in sources(module).values():
            if not CHOSEN_EXPLICITLY & set(path.parts):
                for node in ast.parse(path.read_text(encoding="utf-8")).body:
                    if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and "Spec:" in (ast.get_docstring(node) or ""):
                        yield path, node.name


def train_and_write(folder: Path) -> None:
    """What a user does from a text to a text."""
    from llm_generate import CategoricalSampler, SamplingSettings, load, stream_text
    from llm_tokenizer import ChatML, IncrementalDecoder, Message, encode_file, train_bpe
    from llm_tokenizer.files.tiktoken import Encoding, load_tiktoken, save_tiktoken
    from llm_train import Recipe, train

    text = folder / "text.txt"
    text.write_text("To be, or not to be, that is the question.\n" * 100 + "a" * 500)
    recipe = Recipe.load("tiny").with_values(corpus=str(text), held_out=(), vocab_size=270, steps=4)
    train(recipe, folder / "run")
    train(recipe.with_values(windows="packed", dropout=0.1, average=0.5), folder / "regularized")
    loaded = load(folder / "run" / "model")
    for settings in (SamplingSettings(temperature=0.7, top_k=5, top_p=0.9, seed=1), SamplingSettings(temperature=0.0)):
        sampler = CategoricalSampler(settings)
        list(stream_text(loaded.model, loaded.tokenizer, "To be", sampler=sampler, max_tokens=4))
    tokenizer = train_bpe([text.read_text()], vocab_size=280, special_tokens=["<|im_start|>", "<|im_end|>"])
    list(encode_file(tokenizer, text))
    ranks = save_tiktoken(train_bpe([text.read_text()], vocab_size=270), folder / "own.tiktoken")
    load_tiktoken(ranks, Encoding(pattern="gpt2", special_tokens={})).encode("to be")
    decoder = IncrementalDecoder(tokenizer)
    for id in tokenizer.encode("a" * 500 + "<|im_end|>", allowed_special=["<|im_end|>"]):
        decoder.feed(id)
    ChatML(tokenizer).encode([Message(role="user", content="Hi!"), Message(role="assistant", content="Yo.")])


def reached(folder: Path) -> set[tuple[str, str]]:
    """Return the file and the outermost name of every function of ours that ran."""
    codes: set[CodeType] = set()

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # a function, no body of a class
            codes.add(frame.f_code)

    for name, module in list(sys.modules.items()):  # what an earlier test has cached would not run again
        if name.startswith("llm_"):
            for one in vars(module).values():
                getattr(one, "cache_clear", lambda: None)()
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        train_and_write(folder)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return {(code.co_filename, code.co_qualname.split(".")[0]) for code in codes}


def test_every_pinned_function_runs_or_is_listed_as_an_alternative(tmp_path: Path) -> None:
    ran = reached(tmp_path)
    unused = {name for path, name in pinned_functions() if (str(path), name) not in ran}
    listed = set(re.findall(r"^\| `([A-Za-z_0-9]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert unused == listed, f"not listed: {sorted(unused - listed)}; listed, but it runs: {sorted(listed - unused)}"
