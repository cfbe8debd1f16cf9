"""Where is …? The things that a reader looks for first, each in the file that is named for it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

from vocabulary_figures import table

ROOT = Path(__file__).parents[2]
BESIDE = {"reference", "spec", "kernels", "fast"}  # the same names once more, for other purposes


class Thing(NamedTuple):
    """What is looked for, the package, the file name that one guesses, and the function or class in it."""

    name: str
    package: str
    guess: str
    definition: str


THINGS = (
    Thing("byte-pair training", "llm-tokenizer", "training", "train_bpe"),
    Thing("encoding", "llm-tokenizer", "encoding", "merge_short"),
    Thing("reading a tokenizer file of any format", "llm-tokenizer", "detecting", "load_tokenizer"),
    Thing("reading a tokenizer.json", "llm-tokenizer", "huggingface_reading", "load_hugging_face"),
    Thing("rotary positions (RoPE)", "llm-layers", "rotary", "rotary"),
    Thing("multi-head attention", "llm-layers", "multi_head_attention", "multi_head_attention"),
    Thing("the transformer block", "llm-layers", "block", "Block"),
    Thing("RMSNorm", "llm-layers", "norm", "rms_norm"),
    Thing("the KV cache", "llm-layers", "kv_cache", "KeyValueCache"),
    Thing("quantization", "llm-layers", "quantization", "quantize_int8"),
    Thing("the loss (cross-entropy)", "llm-layers", "loss", "cross_entropy"),
    Thing("AdamW", "llm-train", "adamw", "adamw_update"),
    Thing("the learning-rate schedule", "llm-train", "schedule", "warmup_stable_decay"),
    Thing("the training loop", "llm-train", "trainer", "Trainer"),
    Thing("checkpoints", "llm-train", "saving", "save_checkpoint"),
    Thing("sampling", "llm-generate", "sampling", "CategoricalSampler"),
    Thing("the decode loop", "llm-generate", "decoding", "generate"),
)


def find(thing: Thing) -> Path:
    """Return the one file of the guessed name that defines the thing.

    Raises:
        ValueError: There is no such file, or more than one.
    """
    folder = ROOT / "packages" / thing.package / "src"
    guessed = [path for path in folder.rglob(f"{thing.guess}.py") if not BESIDE & set(path.parts)]
    defining = [path for path in guessed if thing.definition in definitions(path)]
    if len(guessed) != 1 or defining != guessed:
        raise ValueError(f"{thing.name}: one {thing.guess}.py must define {thing.definition}; found {guessed}")
    return guessed[0]


def definitions(path: Path) -> set[str]:
    """Return the functions and classes at the top level of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def where_is() -> str:
    """Return the table of the architecture page."""
    rows = [(thing.name, f"<code>{address(thing)}</code>", f"<code>{thing.definition}</code>") for thing in THINGS]
    return table(("Where is …?", "file", "function or class"), rows, words=True)


def readme_table() -> str:
    """Return the same table as the README holds it, with links to the files."""
    rows = [f"| {thing.name} | [{address(thing)}]({find(thing).relative_to(ROOT)}) |" for thing in THINGS]
    return "\n".join(("| Where is …? | file |", "|---|---|", *rows))


def address(thing: Thing) -> Path:
    """Return the file as it is imported, from the name of the package on."""
    return find(thing).relative_to(ROOT / "packages" / thing.package / "src")
