"""Read and write GPT-2's own two files: `encoder.json` with all ids and `vocab.bpe` with the merges.

The same two are also known as `vocab.json` and `merges.txt`. Qwen 2 uses them with another pattern: the class in
`tokenizer_config.json` beside them decides.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llm_tokenizer.bpe.byte_unicode import from_printable, to_printable
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.corpus.cleaning import Normalization
from llm_tokenizer.files.fields import check_id, naming, read_json, read_text, refusal
from llm_tokenizer.files.huggingface_config import CONFIG, FolderConfig, check_bare, read_folder_config, with_folder_ids
from llm_tokenizer.files.writing import write_errors_as, write_text
from llm_tokenizer.interface import TokenizerError

NAMES = (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt"))
FIRST_LINE = "#version: 0.2"
RULES: dict[str, tuple[str, Normalization | None]] = {
    "GPT2Tokenizer": ("gpt2", None),
    "Qwen2Tokenizer": ("qwen2", "NFC"),
}


def load_gpt2(folder: str | Path) -> PretrainedTokenizer:
    """Read the two files of a folder, under either pair of names, and what the files beside them say.

    What is neither a byte nor made by a merge is a special token: the format has no other mark for one.

    Raises:
        TokenizerError: A file is missing or damaged, or the class in `tokenizer_config.json` is another one.
    """
    folder = Path(folder)
    config = read_folder_config(folder)
    ids, merges = next((pair for pair in NAMES if (folder / pair[0]).exists()), NAMES[0])
    with naming(folder / CONFIG):
        pattern, normalization = _rule(config)
    with naming(folder / ids):
        id_of = _vocabulary(read_json(folder / ids))
    with naming(folder / merges):
        pairs = _merges(read_text(folder / merges), id_of)
        made = {left + right for left, right in pairs}
        tokens: dict[int, bytes] = {}
        special_tokens: dict[str, int] = {}
        for token, id in id_of.items():
            data = from_printable(token)
            if data is not None and (len(data) == 1 or token in made):
                tokens[id] = data
            else:
                special_tokens[token] = id
        for token, id in config.added.items():
            if id_of.get(token, id) != id or id in tokens:
                raise refusal(f"the id of {token!r} in the files beside it", "one that no other token has", id)
            special_tokens[token] = id
        for role, token in config.named.items():
            if token not in special_tokens and token not in id_of:
                raise refusal(f"{role} in the files beside it", "a token of this vocabulary", token)
        merged: list[Pair] = [(id_of[left], id_of[right]) for left, right in pairs]
        tokenizer = PretrainedTokenizer(
            tokens,
            merged,
            pattern=pattern,
            special_tokens=special_tokens,
            normalization=normalization,
            visible_tokens=config.added.keys() - config.special,
        )
        return with_folder_ids(tokenizer, config)


def _rule(config: FolderConfig) -> tuple[str, Normalization | None]:
    """Return the pattern and the normalization of a class; without one the files are GPT-2's."""
    name = config.tokenizer_class or "GPT2Tokenizer"
    rule = RULES.get(name.removesuffix("Fast"))
    if rule is None:
        raise refusal(
            "tokenizer_class", f"one of {', '.join(RULES)} for these two files (another one splits a text otherwise)",
            name, "load it with its own library, and save it from there as tokenizer.json",
        )  # fmt: skip
    config.check_no_prefix_space()
    return rule


def save_gpt2(tokenizer: BytePairTokenizer | PretrainedTokenizer, folder: str | Path) -> Path:
    """Write `encoder.json` and `vocab.bpe` into a folder, which is made if need be.

    Raises:
        TokenizerError: The format cannot say what this tokenizer does, or the folder cannot be written.
    """
    folder = Path(folder)
    if tokenizer.pattern != "gpt2" or tokenizer.ignore_merges or tokenizer.normalization is not None:
        raise TokenizerError(
            "tokenizer: must split by the pattern gpt2 and do nothing else to a text for these files, splits by "
            f"{tokenizer.pattern} ({tokenizer.normalization=}, {tokenizer.ignore_merges=}); save it as tokenizer.json"
        )
    check_bare(tokenizer)
    tokens = {id: to_printable(token) for id, token in tokenizer.tokens.items()}
    ids = {token: id for id, token in tokens.items()}
    for name, id in tokenizer.special_tokens.items():
        if name in ids:
            raise TokenizerError(f"special_tokens: {name!r} is also an ordinary token; save it as tokenizer.json")
        ids[name] = id
    lines = [FIRST_LINE, *(f"{tokens[left]} {tokens[right]}" for left, right in tokenizer.merges)]
    with write_errors_as(TokenizerError, folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / NAMES[0][1], "\n".join(lines) + "\n")
        write_text(folder / NAMES[0][0], json.dumps(ids))
    return folder / NAMES[0][0]


def _vocabulary(document: dict[str, Any]) -> dict[str, int]:
    if not document:
        raise refusal("the file", "a JSON object with the id of each token", document)
    ids: set[int] = set()
    for token, id in document.items():
        field = json.dumps(token)
        if not token or check_id(field, id) in ids:
            raise refusal(field, "a token that is not empty, with an id of its own", id)
        ids.add(id)
    return document


def _merges(text: str, id_of: dict[str, int]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        left, _, right = line.rstrip("\r").partition(" ")
        if any(token not in id_of or not from_printable(token) for token in (left, right, left + right)):
            raise refusal(f"line {number}", "two tokens that make a third, all three with an id", line)
        pairs.append((left, right))
    return pairs
