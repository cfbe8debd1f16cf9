"""Slips with documents: mistakes that people really make; every one must fail a case."""

from collections.abc import Callable
from typing import Any

import numpy as np

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.document_targets")

Array = np.ndarray[Any, Any]
Both = tuple[Array, Array]


def _targets(
    *,
    ignored: Callable[[Array, int, int | None], bool] = lambda tokens, end, separator: tokens[end - 1] != separator,
    place: Callable[[int], int] = lambda end: end - 1,
    border: Callable[[Array, int, int | None], int] = lambda tokens, end, sep: end - int(tokens[end - 1] == sep),
    first: int = 0,
    most: Callable[[int], int] = lambda count: count - 1,
) -> Callable[[Array, Array, int | None], Both]:
    """Return targets and numbers with one of their parts replaced."""

    def document_targets(tokens: Array, ends: Array, separator: int | None) -> Both:
        count = len(tokens) - 1
        targets, numbers = tokens[1:].copy(), np.full(count, first, np.int64)
        for end in ends.tolist():
            if 0 < end <= most(len(tokens)) and ignored(tokens, end, separator):
                targets[min(place(end), count - 1)] = -100
            if 0 < end <= len(tokens) and border(tokens, end, separator) > 0:
                numbers[border(tokens, end, separator) :] += 1
        return targets, numbers

    return document_targets


slip("the first token of the next document predicted", "The last token of a document has no target.", arrays="numpy")(
    _targets(ignored=lambda tokens, end, separator: False)
)
slip("one place too late", "The token before the border has no target, not the one at it.", arrays="numpy")(
    _targets(place=lambda end: end)
)
slip(
    "the separator's target ignored", "The first token of a document is predicted from the separator.", arrays="numpy"
)(_targets(ignored=lambda tokens, end, separator: True))
slip("the separator counted to the document before", "As an input it begins the next document.", arrays="numpy")(
    _targets(border=lambda tokens, end, separator: end)
)
slip("the end not predicted", "The separator is a target of the document that it ends.", arrays="numpy")(
    _targets(place=lambda end: end - 2, ignored=lambda tokens, end, sep: end > 1 and tokens[end - 1] == sep)
)
slip("a border before every last token", "Only a separator is shared.", arrays="numpy")(
    _targets(border=lambda tokens, end, separator: end - 1)
)
slip("documents numbered from 1", "The first input of a row is in document 0.", arrays="numpy")(_targets(first=1))
slip("ends beyond the row applied to its last input", "They change nothing.", arrays="numpy")(
    _targets(most=lambda count: count + 100, ignored=lambda tokens, end, s: end >= len(tokens) or tokens[end - 1] != s)
)


@slip("separators found in the text, ends ignored", "A separator that ends no document is a token.", arrays="numpy")
def by_the_text(tokens: Array, ends: Array, separator: int | None) -> Both:
    begun = (tokens[:-1] == separator).astype(np.int64)
    begun[:1] = 0
    return tokens[1:].copy(), np.cumsum(begun)


@slip("a separator 0 taken for none", "None means that there is none; 0 is an id.", arrays="numpy")
def zero_is_none(tokens: Array, ends: Array, separator: int | None) -> Both:
    return _targets()(tokens, ends, separator or None)


slip = SLIPS.of("train.pack_documents")

Piece = tuple[int, int, int]
Four = tuple[Array, Array, Array, Array]


def _cut(document: int, length: int, most: int) -> list[Piece]:
    return [(document, offset, min(most, length - offset)) for offset in range(0, length, most)]


def _fullest(rooms: list[int], length: int) -> int | None:
    return min(
        (window for window, room in enumerate(rooms) if room >= length), key=lambda w: (rooms[w], w), default=None
    )


def _pack(
    *,
    cut: Callable[[int, int, int], list[Piece]] = _cut,
    key: Callable[[Piece], Any] = lambda piece: -piece[2],
    choose: Callable[[list[int], int], int | None] = _fullest,
    order: Callable[[tuple[int, int, Piece]], Any] = lambda row: row[:2],
) -> Callable[[Array, int], Four]:
    """Return the packing with one of its parts replaced."""

    def pack_documents(lengths: Array, context_length: int) -> Four:
        pieces = [piece for d, length in enumerate(lengths.tolist()) for piece in cut(d, length, context_length)]
        rooms: list[int] = []
        rows = []
        for number, piece in enumerate(sorted(pieces, key=key)):
            window = choose(rooms, piece[2])
            if window is None:
                rooms.append(context_length)
                window = len(rooms) - 1
            rooms[window] -= piece[2]
            rows.append((window, number, piece))
        table = np.array([(*piece, window) for window, _, piece in sorted(rows, key=order)], np.int64).reshape(-1, 4)
        document, offset, length, window_of = table.T
        return document.copy(), offset.copy(), length.copy(), window_of.copy()

    return pack_documents


def _first(rooms: list[int], length: int) -> int | None:
    return next((window for window, room in enumerate(rooms) if room >= length), None)


def _newest(rooms: list[int], length: int) -> int | None:
    return len(rooms) - 1 if rooms and rooms[-1] >= length else None


slip("long documents cropped", "What is longer than a window is cut, and its rest is packed too.", arrays="numpy")(
    _pack(cut=lambda document, length, most: _cut(document, length, most)[:1])
)
slip("long documents left out", "They are cut.", arrays="numpy")(
    _pack(cut=lambda document, length, most: _cut(document, length, most) if length <= most else [])
)
slip("cut into equal parts", "Cut at every multiple of the window's length.", arrays="numpy")(
    _pack(cut=lambda document, length, most: _cut(document, length, -(-length // (-(-length // most) or 1)) or 1))
)
slip("an empty piece for an empty document", "It has no piece.", arrays="numpy")(
    _pack(cut=lambda document, length, most: _cut(document, length, most) or [(document, 0, 0)])
)
slip("in the order of the documents", "The longest come first.", arrays="numpy")(_pack(key=lambda piece: 0))
slip("equal lengths from the last", "Pieces of one length stay in the order of their documents.", arrays="numpy")(
    _pack(key=lambda piece: (-piece[2], -piece[0]))
)
slip("the first window that has room", "Take the fullest that has room: best fit.", arrays="numpy")(
    _pack(choose=_first)
)
slip("only the newest window looked at", "Older windows may have room.", arrays="numpy")(_pack(choose=_newest))
slip("the emptiest window", "Take the fullest that has room.", arrays="numpy")(
    _pack(
        choose=lambda rooms, length: max(
            (window for window, room in enumerate(rooms) if room >= length), key=lambda w: (rooms[w], -w), default=None
        )
    )
)
slip("the newest of equally full windows", "Of equal ones the first is taken.", arrays="numpy")(
    _pack(
        choose=lambda rooms, length: min(
            (window for window, room in enumerate(rooms) if room >= length), key=lambda w: (rooms[w], -w), default=None
        )
    )
)
slip("a full window taken for one too small", "Room for exactly the piece is room.", arrays="numpy")(
    _pack(
        choose=lambda rooms, length: min(
            (window for window, room in enumerate(rooms) if room > length), key=lambda w: (rooms[w], w), default=None
        )
    )
)
slip("ordered by document within a window", "They stay in the order in which they were packed.", arrays="numpy")(
    _pack(order=lambda row: (row[0], row[2]))
)

slip = SLIPS.of("train.hold_out")


def _hold(
    *,
    wanted: Callable[[int, int], int] = lambda total, most: max(1, min(total // 10, most)),
    largest: Callable[[int, int], int] = lambda held, wanted: 2 * wanted - held,
    enough: Callable[[int, int], bool] = lambda held, wanted: 2 * held >= wanted,
    cut: Callable[[int, int, int], int] = lambda size, wanted, held: size - (wanted - held),
    least: int = 20,
) -> Callable[[list[int], int], tuple[int, int]]:
    """Return the choice with one of its parts replaced."""

    def hold_out(sizes: list[int], most: int) -> tuple[int, int]:
        if sum(sizes) < least:
            raise ValueError("too short")
        goal, held, document = wanted(sum(sizes), most), 0, len(sizes)
        while document > 0 and held < goal:
            size = sizes[document - 1]
            if size > largest(held, goal):
                return (document, 0) if enough(held, goal) else (document - 1, cut(size, goal, held))
            held += size
            document -= 1
        return document, 0

    return hold_out


slip("a tenth rounded up", "Round down.")(_hold(wanted=lambda total, most: max(1, min(-(-total // 10), most))))
slip("a part that grows with the corpus", "No more than most.")(_hold(wanted=lambda total, most: max(1, total // 10)))
slip("most of 0 taken at its word", "At least one character is held out.")(
    _hold(wanted=lambda total, most: min(total // 10, most))
)
slip("documents held out whole, however large", "At most twice what is wanted.")(
    _hold(largest=lambda held, wanted: 1 << 60)
)
slip("the limit for each document alone", "It is for the part together.")(
    _hold(largest=lambda held, wanted: 2 * wanted)
)
slip("a limit of once what is wanted", "Up to twice is held out whole.")(
    _hold(largest=lambda held, wanted: wanted - held)
)
slip("twice not allowed", "Exactly twice is still whole.")(_hold(largest=lambda held, wanted: 2 * wanted - held - 1))
slip("never enough with less", "Half of what is wanted is enough before a document that is too large.")(
    _hold(enough=lambda held, wanted: False)
)
slip("anything is enough", "A note of some words measures nothing: it takes half of what is wanted.")(
    _hold(enough=lambda held, wanted: held > 0)
)
slip("more than half demanded", "Exactly half is enough.")(_hold(enough=lambda held, wanted: 2 * held > wanted))
slip("cut as if nothing were held out yet", "What is held out already counts.")(
    _hold(cut=lambda size, wanted, held: size - wanted)
)
slip("the beginning held out", "The end of a document is held out.")(
    _hold(cut=lambda size, wanted, held: wanted - held)
)
slip("short texts accepted", "Fewer than 20 characters cannot be divided.")(_hold(least=0))
slip("20 characters refused", "20 are enough.")(_hold(least=21))
