"""Where the held-out part of a corpus begins, if no files are named, and the two halves of a document that is cut."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice

from llm_train.data.holding_out import hold_out
from llm_train.data.scanning import Scan
from llm_train.data.sources import Source, with_text
from llm_train.interface import TrainError


@dataclass(frozen=True)
class Cut:
    """Where the held-out part begins, if no files are named: the number of a document, and a place in it."""

    document: int
    character: int
    bytes: int
    """Of what is held out of the file in which it begins."""


def find_cut(sources: tuple[Source, ...], scans: tuple[Scan, ...], named: str) -> Cut:
    """Decide where the held-out part begins; where a document is cut, at a paragraph, else a line or a word nearby."""
    tail = [sizes for scan in scans for sizes in scan.tail]
    documents, characters = sum(scan.documents for scan in scans), sum(scan.characters for scan in scans)
    # Never reached from the end, so one document is enough for all that is earlier.
    earlier = characters - sum(length for length, _ in tail)
    try:
        place, character = hold_out([earlier, *(length for length, _ in tail)])
    except TrainError as error:
        raise TrainError(f"{named}: {error}") from None
    document = documents - len(tail) + place - 1
    begins = list(accumulate((scan.documents for scan in scans), initial=0))
    number = bisect_right(begins, document) - 1  # of the file
    first, scan = begins[number], scans[number]
    after = sum(size for _, size in scan.tail[len(scan.tail) - (begins[number + 1] - document) :])
    if not character:
        return Cut(document, 0, after)
    whole = filter(None, map(with_text, sources[number].documents()))
    text = next(islice(whole, document - first, None))
    character, before = _boundary(text.parts, character, tail[place - 1][0] // 20)
    return Cut(document, character, after - before)


def _boundary(parts: Iterator[str], start: int, reach: int) -> tuple[int, int]:
    """Return a place to cut at or a little after `start`, and how many bytes come before it."""
    passed = size = 0
    for part in parts:
        if passed + len(part) >= start:
            text = part
            while len(text) < start - passed + reach and (more := next(parts, "")):
                text += more
            place = start - passed
            for border in ("\n\n", "\n", " "):
                found = text.find(border, place, place + reach)
                if found != -1:
                    place = found + len(border)
                    break
            return passed + place, size + len(text[:place].encode())
        passed, size = passed + len(part), size + len(part.encode())
    raise AssertionError("the place is within the document")


def until(parts: Iterator[str], end: int) -> Iterator[str]:
    """Yield the text before a place, part by part."""
    for part in parts:
        if end > 0:
            yield part[:end]
        end -= len(part)


def beginning_at(parts: Iterator[str], start: int) -> Iterator[str]:
    """Yield the text from a place on, part by part."""
    for part in parts:
        if start < len(part):
            yield part[max(start, 0) :]
        start -= len(part)
