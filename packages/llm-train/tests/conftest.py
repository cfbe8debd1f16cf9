import os
import random
import resource
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from llm_tokenizer.commands.console import Console
from llm_train.recipes.recipe import Recipe
from llm_train.runs.progress import Reporter

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))  # of which the tests here run a small part

SMALL = {
    "name": "small",
    "tokenizer": {"vocab_size": 300},
    "model": {
        "d_model": 32, "layers": 2, "heads": 2, "kv_heads": 1, "d_head": 16, "d_ff": 48, "context_length": 32,
    },
    "training": {"steps": 12, "batch": 4},
    "compute": {"precision": "float32", "threads": 1, "compile": "no", "processes": 1},
    "report": {
        "validations": 3, "validation_windows": 4, "samples": 2, "sample_tokens": 10, "checkpoints": 3, "keep": 2,
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def reporter():
    with Path(os.devnull).open("w") as nowhere:
        yield Reporter(Console(file=nowhere, force_terminal=False))


def make_text(seed=0, speeches=150):
    """A text that looks like a play: made here, so that no test needs a corpus."""
    draw = random.Random(seed)
    words = [
        "the", "king", "doth", "love", "his", "crown", "and", "all", "the", "night", "is", "dark", "as", "thy", "sweet",
        "heart", "shall", "weep", "no", "more",
    ]  # fmt: skip
    lines = []
    for _ in range(speeches):
        lines.append(draw.choice(["ROMEO:", "JULIET:", "NURSE:"]))
        lines += [" ".join(draw.choices(words, k=7)).capitalize() + "." for _ in range(draw.randint(1, 3))]
        lines.append("")
    return "\n".join(lines)


@pytest.fixture
def files_of_at_most():
    """No file can grow beyond so many bytes inside: a write that does fails, as on a full disk."""

    @contextmanager
    def limited(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


@pytest.fixture
def play():
    return make_text()


@pytest.fixture
def corpus_file(tmp_path, play):
    path = tmp_path / "play.txt"
    path.write_text(play, encoding="utf-8")
    return path


@pytest.fixture
def small_recipe(corpus_file):
    return Recipe.from_dict({**SMALL, "data": {"corpus": str(corpus_file)}}, "small")


@pytest.fixture
def recipe_file(tmp_path, small_recipe):
    path = tmp_path / "small.toml"
    path.write_text(small_recipe.to_toml(), encoding="utf-8")
    return path
