"""Correct implementations written otherwise. The specification must accept every one."""

from __future__ import annotations

import codecs
import re
from collections import Counter, defaultdict
from functools import cache
from itertools import groupby, pairwise
from sys import maxunicode
from typing import Any
from unicodedata import category

import regex

from llm_tokenizer import reference
from llm_tokenizer.bpe.byte_unicode import to_printable
from llm_tokenizer.bpe.encoding import merge_long, merge_short
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.reference.byte_pair import merge_pair

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
            merged[tuple(merge_pair(list(word), list(pair), new))] += count
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
        for k, pair in enumerate(merges):
            word = merge_pair(word, list(pair), 256 + k)
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


variant = VARIANTS.of("tokenizer.byte_to_unicode")


@variant("Latin-1, of which what cannot be seen is translated")
def translated() -> list[str]:
    latin = bytes(range(256)).decode("latin-1")
    unseen = [character for character in latin if character == " " or not character.isprintable()]
    return list(latin.translate({ord(character): 256 + place for place, character in enumerate(unseen)}))


@variant("six runs of code points")
def six_runs() -> list[str]:
    moved = iter(range(0x100, 0x200))
    ends = [(0x21, False), (0x7F, True), (0xA1, False), (0xAD, True), (0xAE, False), (0x100, True)]
    table = [chr(next(moved)) for _ in range(ends[0][0])]
    for (start, _), (end, stays) in pairwise(ends):
        table += [chr(byte if stays else next(moved)) for byte in range(start, end)]
    return table


@VARIANTS.of("tokenizer.split_text")("Python's own regular expressions, categories spelled out as characters")
def spelled_out(text: str, pattern: str) -> list[str]:
    if pattern not in PATTERNS:
        raise ValueError(pattern)
    return [found[0] for found in _spelled_out(pattern).finditer(text)]


@cache
def _spelled_out(pattern: str) -> re.Pattern[str]:
    parts, inside = [], False
    for part in re.findall(r"\\p\{\w+\}|\\.|.", PATTERNS[pattern].split):
        inside = part == "[" or (inside and part != "]")
        members = _members(part)
        parts.append(f"[{members}]" if members and not inside else members or part)
    return re.compile("".join(parts))


@cache
def _members(name: str) -> str:
    """Return the characters of an escape as they stand between brackets; empty for any other part of a pattern."""
    spaces = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    if not name.startswith(r"\p"):
        return {r"\s": spaces, r"\S": f"^{spaces}"}.get(name, "")
    codes = [code for code in range(maxunicode + 1) if category(chr(code)).startswith(name[3:-1])]
    runs = [[code for _, code in run] for _, run in groupby(enumerate(codes), lambda one: one[1] - one[0])]
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)


variant = VARIANTS.of("tokenizer.count_pairs")


@variant("sorted, and equal ones counted as they follow each other")
def sorted_pairs(words: Merges) -> list[tuple[int, int, int]]:
    pairs = sorted(pair for word in words for pair in pairwise(word))
    return [(*pair, len(list(equal))) for pair, equal in groupby(pairs)]


@variant("a table of the right tokens for each left one")
def by_left(words: Merges) -> Merges:
    after: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for word in words:
        for place, right in enumerate(word[1:]):
            after[word[place]][right] += 1
    return [[left, right, after[left][right]] for left in sorted(after) for right in sorted(after[left])]


variant = VARIANTS.of("tokenizer.merge_pair")


@variant("a stack, whose top may be the left half")
def by_stack(word: list[int], pair: list[int], new: int) -> list[int]:
    stack: list[int] = []
    open_left = False  # whether the top is the left half, and not a token that was made here
    for id in word:
        if open_left and id == pair[1]:
            stack[-1], open_left = new, False
        else:
            stack.append(id)
            open_left = id == pair[0]
    return stack


@variant("a linked list")
def linked(word: list[int], pair: list[int], new: int) -> list[int]:
    ids, after = list(word), [*range(1, len(word)), -1] if word else []
    place = 0 if word else -1
    while place >= 0:
        neighbor = after[place]
        if neighbor >= 0 and [ids[place], ids[neighbor]] == list(pair):
            ids[place], after[place] = new, after[neighbor]
        place = after[place]
    merged, place = [], 0 if word else -1
    while place >= 0:
        merged.append(ids[place])
        place = after[place]
    return merged


@VARIANTS.of("tokenizer.train_bpe")("counts kept up to date, and which words hold a pair")
def kept_up_to_date(pieces: list[str], vocab_size: int) -> Merges:
    if vocab_size < 256:
        raise ValueError(vocab_size)
    weights = Counter(pieces)
    words, weight = [list(piece.encode()) for piece in weights], list(weights.values())
    counts: Counter[tuple[int, int]] = Counter()
    holders: defaultdict[tuple[int, int], set[int]] = defaultdict(set)

    def count_in(number: int, sign: int) -> None:
        for pair in pairwise(words[number]):
            counts[pair] += sign * weight[number]
            holders[pair].add(number)

    for number in range(len(words)):
        count_in(number, 1)
    order = {byte: ord(character) for byte, character in enumerate(visible_first())}
    merges: Merges = []
    while len(merges) < vocab_size - 256 and (most := max(counts.values(), default=0)):
        equal = [pair for pair, times in counts.items() if times == most]
        pair = min(equal, key=lambda pair: [order.get(id, 1000 + id) for id in pair])
        for number in holders.pop(pair):
            count_in(number, -1)
            words[number] = by_stack(words[number], list(pair), 256 + len(merges))
            count_in(number, 1)
        counts = +counts
        merges.append([*pair])
    return merges


@VARIANTS.of("tokenizer.decode_bpe")("one long row of bytes, and where each token lies in it")
def one_row(ids: list[int], merges: Merges) -> bytes:
    row, places = bytearray(range(256)), [(byte, byte + 1) for byte in range(256)]
    for pair in merges:
        start = len(row)
        for first, last in (places[id] for id in pair):
            row += row[first:last]
        places.append((start, len(row)))
    data = bytearray()
    for id in ids:
        if id < 0 or id >= len(places):
            raise ValueError(id)
        data += row[slice(*places[id])]
    return bytes(data)


variant = VARIANTS.of("tokenizer.split_special")


@variant("a tree of the names")
def by_tree(text: str, special_tokens: list[str]) -> list[tuple[str, bool]]:
    root: dict[str, Any] = {}
    for name in special_tokens:
        node = root
        for character in name:
            node = node.setdefault(character, {})
        node["end"] = True
    parts, plain, place = [], 0, 0
    while place < len(text):
        node, longest = root, place
        for end in range(place, len(text)):
            if text[end] not in node:
                break
            node = node[text[end]]
            if "end" in node:
                longest = end + 1
        if longest > place:
            parts += [(text[plain:place], False)] * (plain < place) + [(text[place:longest], True)]
            plain = longest
        place = max(longest, place + 1)
    return parts + [(text[plain:], False)] * (plain < len(text))


@variant("the nearest of all names, by str.find")
def nearest(text: str, special_tokens: list[str]) -> list[list[str | bool]]:
    following = {name: text.find(name) for name in special_tokens if name}
    parts: list[list[str | bool]] = []
    start = 0
    while start < len(text):
        for name, place in following.items():
            if 0 <= place < start:
                following[name] = text.find(name, start)
        found = [(place, -len(name), name) for name, place in following.items() if place >= 0]
        place, _, name = min(found, default=(len(text), 0, ""))
        if place > start:
            parts.append([text[start:place], False])
        if name:
            parts.append([name, True])
        start = place + len(name)
    return parts


variant = VARIANTS.of("tokenizer.stream_decode")


@variant("a machine that knows which bytes may follow")
def machine(ids: list[int], merges: Merges) -> list[str]:
    parts: list[str] = []
    begun, missing, low, high = bytearray(), 0, 0x80, 0xBF
    for id in ids:
        text = ""
        for byte in recursion([id], merges):
            if missing and low <= byte <= high:
                begun.append(byte)
                missing, low, high = missing - 1, 0x80, 0xBF
            else:
                text += "\ufffd" if missing else ""
                begun = bytearray([byte])
                missing = (0xC2 <= byte <= 0xF4) + (0xE0 <= byte <= 0xF4) + (0xF0 <= byte <= 0xF4)
                low = {0xE0: 0xA0, 0xF0: 0x90}.get(byte, 0x80)
                high = {0xED: 0x9F, 0xF4: 0x8F}.get(byte, 0xBF)
            if not missing:
                text += begun.decode("utf-8", "replace")
        parts.append(text)
    return [*parts, "\ufffd" if missing else ""]


@variant("strict decoding, and what its errors say")
def by_errors(ids: list[int], merges: Merges) -> list[str]:
    parts, held = [], b""
    for data in (table_of_bytes([id], merges) for id in ids):
        held, text = held + data, ""
        while held:
            try:
                text, held = text + held.decode(), b""
            except UnicodeDecodeError as error:
                text += held[: error.start].decode()
                held = held[error.start :]
                if error.reason == "unexpected end of data":
                    break
                text, held = text + "\ufffd", held[error.end - error.start :]
        parts.append(text)
    return [*parts, "\ufffd" if held else ""]


variant = VARIANTS.of("tokenizer.encode_chat")


@variant("one text with a character for each id, and one with the mask")
def as_text(messages: list[list[str]]) -> tuple[list[int], list[int]]:
    text = mask = ""
    for role, content in messages:
        said = content.encode().decode("latin-1") + chr(257)
        text += f"{chr(256)}{role}\n{said}\n"
        mask += "0" * (len(role) + 2) + {"assistant": "1", "user": "0", "system": "0"}.get(role, "?") * len(said) + "0"
    if not text or "?" in mask:
        raise ValueError(messages)
    return list(map(ord, text)), list(map(int, mask))


@variant("all ids, then what is learned marked among them")
def marked(messages: list[list[str]]) -> tuple[list[int], list[int]]:
    if not messages or not {role for role, _ in messages} <= {"system", "user", "assistant"}:
        raise ValueError(messages)
    ids: list[int] = []
    learned: list[range] = []
    for role, content in messages:
        ids += (256, *role.encode(), 10)
        start = len(ids)
        ids += (*content.encode(), 257)
        learned += [range(start, len(ids))] * (role == "assistant")
        ids.append(10)
    mask = [0] * len(ids)
    for places in learned:
        mask[places.start : places.stop] = [1] * len(places)
    return ids, mask


variant = VARIANTS.of("tokenizer.round_trip")


@variant("a tree of names, Python's own expressions, ids remembered by piece")
def remembered(text: str, pattern: str, merges: Merges, special_tokens: list[str]) -> tuple[list[int], str]:
    encode = cache(lambda piece: always_the_plain_loop([piece], merges))
    first, ids, data = 256 + len(merges), list[int](), bytearray()
    for part, is_special in by_tree(text, special_tokens):
        if is_special:
            ids.append(first + special_tokens.index(part))
            data += part.encode()
        else:
            found = [id for piece in spelled_out(part, pattern) for id in encode(piece)]
            ids += found
            data += recursion(found, merges)
    return ids, str(data, "utf-8")


@variant("the nearest names, one replacement at a time, decoded id by id")
def by_names(text: str, pattern: str, merges: Merges, special_tokens: list[str]) -> tuple[list[int], str]:
    names = dict(enumerate(special_tokens, 256 + len(merges)))
    id_of = {name: id for id, name in reversed(names.items())}
    groups = [
        [id_of[str(part)]] if is_special else one_at_a_time(one_by_one(str(part), pattern), merges)
        for part, is_special in nearest(text, special_tokens)
    ]
    ids = [id for group in groups for id in group]
    decoder = codecs.getincrementaldecoder("utf-8")()
    parts = [names.get(id) or decoder.decode(recursion([id], merges)) for id in ids]
    return ids, "".join(parts)
