"""Correct implementations written otherwise. The specification must accept every one."""

from __future__ import annotations

import codecs
from collections import Counter
from itertools import pairwise

import regex

from llm_tokenizer import reference
from llm_tokenizer.bpe.byte_unicode import to_printable
from llm_tokenizer.bpe.encoding import merge_long, merge_short
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.reference.byte_pair import merge

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("tokenizer.byte_to_unicode")

Merges = list[list[int]]


@variant("as GPT-2's own program builds it: visible bytes first, the others after them")
def visible_first() -> list[str]:
    order = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in order}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + len(table) - len(order))
    return [table[byte] for byte in range(256)]


variant = VARIANTS.of("tokenizer.split_text")


@variant("the regular expression on the whole text, without stretches")
def whole_text(text: str, pattern: str) -> list[str]:
    if pattern not in PATTERNS:
        raise ValueError(pattern)
    found: list[str] = regex.findall(PATTERNS[pattern].split, text)
    return found


@variant("found piece by piece")
def one_by_one(text: str, pattern: str) -> list[str]:
    if pattern not in PATTERNS:
        raise ValueError(pattern)
    return [found.group() for found in regex.finditer(PATTERNS[pattern].split, text)]


variant = VARIANTS.of("tokenizer.train_bpe")


@variant("distinct pieces with counts, pairs as printable text")
def printable_pairs(pieces: list[str], vocab_size: int) -> list[tuple[int, int]]:
    if vocab_size < 256:
        raise ValueError(vocab_size)
    words = {tuple(piece.encode()): count for piece, count in Counter(pieces).items()}
    # Each token as (age, printable text): bytes all have age 0 and compare by their character.
    name = {byte: (0, to_printable(bytes([byte]))) for byte in range(256)}
    merges: list[tuple[int, int]] = []
    while len(name) < vocab_size:
        counts: Counter[tuple[int, int]] = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                counts[pair] += count
        if not counts:
            break
        pair = sorted(counts, key=lambda pair: (-counts[pair], name[pair[0]], name[pair[1]]))[0]
        new = len(name)
        name[new] = (new, "")
        merged: Counter[tuple[int, ...]] = Counter()
        for word, count in words.items():
            merged[tuple(merge(list(word), *pair, new))] += count
        words = dict(merged)
        merges.append(pair)
    return merges


variant("pieces in another order")(lambda pieces, vocab_size: reference.train_bpe(pieces[::-1], vocab_size))


def _ranks(merges: Merges) -> dict[tuple[int, int], int]:
    return {(left, right): 256 + k for k, (left, right) in enumerate(merges)}


variant = VARIANTS.of("tokenizer.encode_bpe")


@variant("always the heap")
def always_the_heap(pieces: list[str], merges: Merges) -> list[int]:
    ranks = _ranks(merges)
    return [id for piece in pieces for id in merge_long(list(piece.encode()), ranks)]


@variant("always the plain loop")
def always_the_plain_loop(pieces: list[str], merges: Merges) -> list[int]:
    ranks = _ranks(merges)
    return [id for piece in pieces for id in merge_short(list(piece.encode()), ranks)]


@variant("every piece looked through for every merge")
def merge_after_merge(pieces: list[str], merges: Merges) -> list[int]:
    ids = []
    for piece in pieces:
        word = list(piece.encode())
        for k, (left, right) in enumerate(merges):
            word = merge(word, left, right, 256 + k)
        ids += word
    return ids


@variant("one replacement at a time")
def one_at_a_time(pieces: list[str], merges: Merges) -> list[int]:
    ranks, ids = _ranks(merges), []
    for piece in pieces:
        word = list(piece.encode())
        while found := [(ranks[p], place) for place, p in enumerate(pairwise(word)) if p in ranks]:
            rank, place = min(found)
            word[place : place + 2] = [rank]
        ids += word
    return ids


variant = VARIANTS.of("tokenizer.decode_bpe")


@variant("a table of bytes")
def table_of_bytes(ids: list[int], merges: Merges) -> bytes:
    table = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        table.append(table[left] + table[right])
    if any(not 0 <= id < len(table) for id in ids):
        raise ValueError(ids)
    return b"".join(table[id] for id in ids)


@variant("recursion")
def recursion(ids: list[int], merges: Merges) -> bytes:
    def expand(id: int) -> bytes:
        if not 0 <= id < 256 + len(merges):
            raise ValueError(id)
        return bytes([id]) if id < 256 else expand(merges[id - 256][0]) + expand(merges[id - 256][1])

    return b"".join(map(expand, ids))


variant = VARIANTS.of("tokenizer.count_pairs")


@variant("equal words counted once, with a weight")
def weighted(words: Merges) -> list[tuple[int, int, int]]:
    counts: Counter[tuple[int, int]] = Counter()
    for word, weight in Counter(map(tuple, words)).items():
        for pair in pairwise(word):
            counts[pair] += weight
    return [(left, right, counts[left, right]) for left, right in sorted(counts)]


variant = VARIANTS.of("tokenizer.merge_pair")


@variant("a regular expression over characters that stand for ids")
def by_expression(word: list[int], pair: list[int], new: int) -> list[int]:
    text = "".join(chr(0x10000 + id) for id in word)
    found = "".join(chr(0x10000 + id) for id in pair)
    return [ord(character) - 0x10000 for character in text.replace(found, chr(0x10000 + new))]


variant = VARIANTS.of("tokenizer.split_special")


@variant("one regular expression of all names")
def one_expression(text: str, special_tokens: list[str]) -> list[tuple[str, bool]]:
    names = sorted(special_tokens, key=lambda name: (-len(name), name))
    if not names:
        return [(text, False)] if text else []
    parts = regex.split(f"({'|'.join(map(regex.escape, names))})", text)
    return [(part, place % 2 == 1) for place, part in enumerate(parts) if part]


variant = VARIANTS.of("tokenizer.stream_decode")


@variant("Python's incremental decoder, byte by byte, told of half surrogate pairs")
def byte_by_byte(ids: list[int], merges: Merges) -> list[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(byte: int) -> str:
        text = decoder.decode(bytes([byte]))
        held = decoder.getstate()[0]
        return text + decoder.decode(b"", final=True) if b"\xed\xa0" <= held[:2] <= b"\xed\xbf" else text

    parts = ["".join(map(feed, reference.decode_bpe([id], merges))) for id in ids]
    return [*parts, decoder.decode(b"", final=True)]


variant = VARIANTS.of("tokenizer.encode_chat")


@variant("two lists side by side")
def side_by_side(messages: list[list[str]]) -> tuple[list[int], list[int]]:
    if not messages or any(role not in ("system", "user", "assistant") for role, _ in messages):
        raise ValueError(messages)
    pairs = []
    for role, content in messages:
        learned = role == "assistant"
        pairs += [(id, 0) for id in [256, *role.encode(), 10]]
        pairs += [(id, int(learned)) for id in [*content.encode(), 257]] + [(10, 0)]
    return [id for id, _ in pairs], [mask for _, mask in pairs]


variant = VARIANTS.of("tokenizer.round_trip")


@variant("cut by the regular expression, merged by the heap")
def quick_parts(text: str, pattern: str, merges: Merges, special_tokens: list[str]) -> tuple[list[int], str]:
    ids: list[int] = []
    for part, is_special in one_expression(text, special_tokens):
        if is_special:
            ids.append(256 + len(merges) + special_tokens.index(part))
        else:
            ids += always_the_heap(PATTERNS[pattern].pre_tokens(part), merges)
    tokens = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    tokens += [name.encode() for name in special_tokens]
    return ids, b"".join(tokens[id] for id in ids).decode()
