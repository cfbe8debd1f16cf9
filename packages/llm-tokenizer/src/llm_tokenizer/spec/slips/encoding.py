"""Slips in encoding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.reference.byte_pair import Merges, merge_pair
from llm_tokenizer.spec.slips.replacing import replace_from_the_right, replace_once

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.encode_bpe")


def _each(encode: Callable[[str, Merges], list[int]]) -> Callable[[list[str], Merges], list[int]]:
    """Encode every piece by a rule for one."""
    return lambda pieces, merges: [id for piece in pieces for id in encode(piece, merges)]


def _by_rank(
    choose: Callable[[list[int]], int], replace: Callable[..., list[int]]
) -> Callable[[list[str], Merges], list[int]]:
    """Encode with another choice of the next merge, given the learned ones that are in the piece in their order."""

    @_each
    def encode_bpe(piece: str, merges: Merges) -> list[int]:
        word = list(piece.encode())
        while found := [merges.index(list(p)) for p in pairwise(word) if list(p) in merges]:
            k = choose(found)
            word = replace(word, merges[k], 256 + k)
        return word

    return encode_bpe


def _in_order(
    start: Callable[[str], Iterable[int]] = str.encode, replace: Callable[..., list[int]] = merge_pair
) -> Callable[[list[str], Merges], list[int]]:
    """Encode by every merge in its order, from other tokens or with another replacement."""

    @_each
    def encode_bpe(piece: str, merges: Merges) -> list[int]:
        word = list(start(piece))
        for k, pair in enumerate(merges):
            word = replace(word, pair, 256 + k)
        return word

    return encode_bpe


slip("leftmost pair first", "the pair that was learned first is merged first, not the one that stands first")(
    _by_rank(lambda found: found[0], replace_once)
)
slip("last learned first", "merges are applied in the order of learning, the earliest first")(_by_rank(max, merge_pair))
slip("from the right", "a pair is replaced from left to right: `aaa` becomes (aa) a")(
    _by_rank(min, replace_from_the_right)
)
slip("each merge once", "a merge is applied at every place of the piece, not only at the first")(
    _in_order(replace=replace_once)
)
slip("characters instead of bytes", "a piece starts as its UTF-8 bytes, not as its code points")(
    _in_order(start=lambda piece: map(ord, piece))
)


@slip("longest token first", "you take the longest token that fits; the merges must be replayed in their order")
@_each
def longest_match(piece: str, merges: Merges) -> list[int]:
    id_of = {reference.decode_bpe([id], merges): id for id in reversed(range(256 + len(merges)))}
    ids, rest = [], piece.encode()
    while rest:
        length = next(length for length in range(len(rest), 0, -1) if rest[:length] in id_of)
        ids.append(id_of[rest[:length]])
        rest = rest[length:]
    return ids


@slip("whole pieces looked up", "a piece that is a token is not always encoded as that token: replay the merges")
@_each
def whole_piece(piece: str, merges: Merges) -> list[int]:
    found = {reference.decode_bpe([id], merges): id for id in range(256 + len(merges))}.get(piece.encode())
    return reference.encode_bpe([piece], merges) if found is None else [found]


slip("merged across pieces", "each piece is encoded on its own")(
    lambda pieces, merges: reference.encode_bpe(["".join(pieces)], merges)
)


@slip("stops at a missing merge", "a merge that is not in the piece is passed over; the later ones still apply")
@_each
def stops_early(piece: str, merges: Merges) -> list[int]:
    word = list(piece.encode())
    for k, pair in enumerate(merges):
        merged = merge_pair(word, pair, 256 + k)
        if merged == word:
            break
        word = merged
    return word


slip("ids off by one", "the first merge makes the id 256: ids 0 to 255 are the bytes")(
    lambda pieces, merges: [id + 1 if id >= 256 else id for id in reference.encode_bpe(pieces, merges)]
)
slip("line breaks changed", "encoding changes no character: CR LF stays CR LF")(
    lambda pieces, merges: reference.encode_bpe([piece.replace("\r\n", "\n") for piece in pieces], merges)
)
