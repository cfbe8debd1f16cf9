"""Byte-pair encoding in six functions.

Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units.
"""

from collections import Counter
from itertools import pairwise

from llm_tokenizer.reference.alphabet import byte_to_unicode

Merges = list[list[int]]
CHARACTERS = byte_to_unicode()


def train_bpe(pieces: list[str], vocab_size: int) -> Merges:
    """Merge the most frequent pair of neighbors, again and again."""
    if vocab_size < 256:
        raise ValueError(f"vocab_size: must be at least 256, one for each byte, was {vocab_size}")
    words = [list(piece.encode("utf-8")) for piece in pieces]
    merges: Merges = []
    while 256 + len(merges) < vocab_size:
        counts = count_pairs(words)
        if not counts:
            break
        # Most frequent first; of equally frequent pairs, the first in the order of their tokens.
        left, right, _ = min(counts, key=lambda found: (-found[2], token_order(found[0]), token_order(found[1])))
        words = [merge_pair(word, [left, right], 256 + len(merges)) for word in words]
        merges.append([left, right])
    return merges


def token_order(id: int) -> int:
    """Bytes in the order of their printable characters (code points below 324), then merged tokens by age."""
    return ord(CHARACTERS[id]) if id < 256 else 1000 + id


def count_pairs(words: list[list[int]]) -> list[list[int]]:
    """How often each pair of neighbors occurs in the words, as `[left, right, count]` in the order of the pairs."""
    counts = Counter(pair for word in words for pair in pairwise(word))
    return [[left, right, count] for (left, right), count in sorted(counts.items())]


def merge_pair(word: list[int], pair: list[int], new: int) -> list[int]:
    """Replace each pair by `new`, from left to right."""
    merged = []
    place = 0
    while place < len(word):
        if word[place : place + 2] == pair:
            merged.append(new)
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return merged


def encode_bpe(pieces: list[str], merges: Merges) -> list[int]:
    """In each piece replace the pair that was learned first, again and again."""
    id_of = {(left, right): 256 + k for k, (left, right) in enumerate(merges)}
    ids = []
    for piece in pieces:
        word = list(piece.encode("utf-8"))
        while found := [pair for pair in pairwise(word) if pair in id_of]:
            first = min(found, key=id_of.__getitem__)
            word = merge_pair(word, list(first), id_of[first])
        ids += word
    return ids


def decode_bpe(ids: list[int], merges: Merges) -> bytes:
    """Take merged tokens apart until only bytes are left."""
    data = []
    open_ids = list(reversed(ids))
    while open_ids:
        id = open_ids.pop()
        if not 0 <= id < 256 + len(merges):
            raise ValueError(f"ids: must be from 0 to {255 + len(merges)}, was {id}")
        if id < 256:
            data.append(id)
        else:
            left, right = merges[id - 256]
            open_ids += [right, left]
    return bytes(data)
