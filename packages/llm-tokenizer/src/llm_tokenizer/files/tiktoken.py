"""Read and write rank files, the format of the library `tiktoken`: a token in Base64, a space, and its rank or id.

Such a file contains neither the pattern nor the special tokens. For the encodings below they are known by the file's
name, which the files beside it may not contradict; for any other the caller names them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.corpus.cleaning import Normalization
from llm_tokenizer.files.fields import check_id, naming, read_whole, refusal
from llm_tokenizer.files.gpt2 import RULES
from llm_tokenizer.files.huggingface_config import FolderConfig, check_bare, read_folder_config, with_folder_ids
from llm_tokenizer.files.writing import atomic_write, write_errors_as
from llm_tokenizer.interface import TokenizerError

LONGEST_TOKEN = 512  # bytes; a longer token would have more ways to be cut in two than any vocabulary needs


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What a rank file does not contain."""

    pattern: str
    special_tokens: Mapping[str, int] = field(default_factory=dict)
    normalization: Normalization | None = None


_QWEN = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|extra_{k}|>" for k in range(205)))

ENCODINGS = {
    "gpt2": Encoding(pattern="gpt2", special_tokens={"<|endoftext|>": 50256}),
    "r50k_base": Encoding(pattern="gpt2", special_tokens={"<|endoftext|>": 50256}),
    "cl100k_base": Encoding(
        pattern="cl100k",
        special_tokens={
            "<|endoftext|>": 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
    "o200k_base": Encoding(pattern="o200k", special_tokens={"<|endoftext|>": 199999, "<|endofprompt|>": 200018}),
    "qwen": Encoding(
        pattern="qwen2", special_tokens={name: 151643 + k for k, name in enumerate(_QWEN)}, normalization="NFC"
    ),
}


def load_tiktoken(path: str | Path, encoding: Encoding | None = None) -> PretrainedTokenizer:
    """Read a rank file.

    Args:
        path: The file, one line a token.
        encoding: What the file does not contain; may be left out if the file is named like one in `ENCODINGS`.

    Raises:
        TokenizerError: The file is missing or damaged, or without an `encoding` its name is unknown or wrong.
    """
    path = Path(path)
    config = FolderConfig() if encoding else read_folder_config(path.parent)
    encoding = encoding or ENCODINGS.get(path.stem)
    with naming(path):
        if encoding is None:
            raise refusal(
                "the file's name",
                f"one of {', '.join(ENCODINGS)}",
                path.stem,
                "a rank file does not say how a text is split: give the model's tokenizer.json, or load it with "
                "llm_tokenizer.files.tiktoken.load_tiktoken(path, Encoding(pattern=…)); Llama 3's pattern is llama3",
            )
        pattern, _ = RULES.get((config.tokenizer_class or "").removesuffix("Fast"), (encoding.pattern, None))
        if pattern != encoding.pattern or not config.added.items() <= encoding.special_tokens.items():
            raise refusal("the file's name", "one that the JSON files beside it agree with", path.stem, "move it away")
        tokens = dict(_ranks(read_whole(path)))
        tokenizer = PretrainedTokenizer(
            tokens,
            list(all_merges(tokens)),
            pattern=encoding.pattern,
            special_tokens=encoding.special_tokens,
            ignore_merges=True,
            normalization=encoding.normalization,
        )
        return with_folder_ids(tokenizer, config)


def save_tiktoken(tokenizer: BytePairTokenizer | PretrainedTokenizer, path: str | Path) -> Path:
    """Write the ranks of all ordinary tokens; pattern and special tokens have no place in this format.

    Raises:
        TokenizerError: The merges of this tokenizer cannot be told from ranks alone, or the file cannot be written.
    """
    path = Path(path)
    tokens = tokenizer.tokens
    check_bare(tokenizer)
    _check_ranks_say_all(tokenizer, tokens)
    lines = [base64.b64encode(token) + b" %d\n" % id for id, token in sorted(tokens.items())]
    with write_errors_as(TokenizerError, path), atomic_write(path) as stream:
        stream.writelines(lines)
    return path


def all_merges(tokens: Mapping[int, bytes]) -> Iterator[Pair]:
    """Yield every way to make a token of two others, in the order of the ranks.

    Why it works:
        Ranks say which token comes first but not of which two it is made. So any two tokens may merge that make a
        third, the one of the lowest rank first. For a vocabulary that came from merging the result is the same: at
        the time of its merge a token is there in its own two parts and in no others.

    Spec: tokenizer.encode_bpe
    """
    id_of = {token: id for id, token in tokens.items()}
    for _, token in sorted(tokens.items()):
        for place in range(1, len(token)):
            left = id_of.get(token[:place])
            if left is not None and (right := id_of.get(token[place:])) is not None:
                yield left, right


def _ranks(data: bytes) -> Iterator[tuple[int, bytes]]:
    seen: set[int] = set()
    for number, line in enumerate(data.splitlines(), start=1):
        if not line:
            continue
        name = f"line {number}"
        coded, _, digits = line.partition(b" ")
        try:
            token = base64.b64decode(coded, validate=True)
        except binascii.Error:
            token = b""
        if not 0 < len(token) <= LONGEST_TOKEN or not digits.isdigit() or len(digits) > 9:
            raise refusal(name, f"a token of at most {LONGEST_TOKEN} bytes in Base64, a space and its rank", line[:40])
        rank = check_id(f"{name}, rank", int(digits))
        if rank in seen:
            raise refusal(f"{name}, rank", "a number that no other line has", rank)
        seen.add(rank)
        yield rank, token


def _check_ranks_say_all(tokenizer: BytePairTokenizer | PretrainedTokenizer, tokens: Mapping[int, bytes]) -> None:
    """Refuse a tokenizer unless ids follow the merges and each token comes out of its own bytes."""
    id_of = {token: id for id, token in tokens.items()}
    order = [id_of[tokens[left] + tokens[right]] for left, right in tokenizer.merges]
    remedy = "save it as tokenizer.json, which holds the merges themselves"
    if order != sorted(order):
        raise TokenizerError(f"tokenizer: its ids must follow the order of its merges for a rank file; {remedy}")
    if tokenizer.ignore_merges and set(tokenizer.merges) == set(all_merges(tokens)):
        return
    if (token := tokenizer.unreachable_token()) is not None:
        raise TokenizerError(
            f"tokenizer: its merges must lead to every token for a rank file, but not to {token!r}; {remedy}"
        )
