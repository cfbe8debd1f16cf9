"""Text preprocessing: from files on disk to clean documents, one at a time.

A document is what belongs together: a file, the part of a file between two separator lines, or a field of a JSON line.
Nothing is guessed and nothing is dropped: a byte that is not UTF-8 is an error with its place, and only what is asked
for is changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from llm_tokenizer.bpe.counting import require_count
from llm_tokenizer.bpe.safe_parts import LONGEST
from llm_tokenizer.corpus.cleaning import Cleaning, Controls, LineBreaks, Normalization, normalize_text
from llm_tokenizer.corpus.documents import fields, separated, whole_file
from llm_tokenizer.corpus.file_search import JSON_LINES, TEXT_FILES, require_file, text_files
from llm_tokenizer.corpus.parts import parts_of_file
from llm_tokenizer.corpus.unicode_decoding import Errors, Source, decode_strictly, is_stream
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import SpecialTokens

__all__ = [
    "Normalization",
    "decode_strictly",
    "normalize_text",
    "read_documents",
    "read_parts",
    "read_text",
    "text_files",
]


def read_text(
    source: Source,
    *,
    normalization: Normalization | None = None,
    errors: Errors = "strict",
    line_breaks: LineBreaks = "lf",
    controls: Controls = "keep",
) -> str:
    """One file as text; see `read_documents` for what is done to it."""
    if isinstance(source, (str, Path)) and not is_stream(source):
        require_file(Path(source))
    documents = read_documents(
        source, normalization=normalization, errors=errors, line_breaks=line_breaks, controls=controls
    )
    return "".join(documents)


def read_documents(
    source: Source,
    *,
    separator: str | None = None,
    field: str | None = None,
    normalization: Normalization | None = None,
    errors: Errors = "strict",
    line_breaks: LineBreaks = "lf",
    controls: Controls = "keep",
    suffixes: Iterable[str] | None = None,
) -> Iterator[str]:
    """The documents of a file, a folder, a glob or a stream, in the order of their paths.

    Only the document that is being asked for is in memory, and files are read a mebibyte at a time. What is packed
    with gzip is unpacked on the way. A byte order mark at the start of a file is not part of the text, and the line
    breaks of all systems become a line feed.

    Args:
        source: A file, a folder, a glob (`texts/**/*.txt`), `-` for standard input, or an open binary file.
        separator: A line that stands alone between two documents, for example `<|endoftext|>`. Without it a file is
            one document.
        field: Each line is a JSON object, and this field of it is a document; `meta.text` looks into an object.
        normalization: `NFC` composes accents; `NFKC` also folds look-alikes (`ﬁ` becomes `fi`), which loses something.
        errors: What happens to a byte that is not UTF-8: `strict` is an error with its place, `replace` puts U+FFFD,
            `ignore` drops it.
        line_breaks: `lf` turns all line breaks into line feeds, `keep` leaves them as they are.
        controls: `keep` leaves control characters alone, `remove` takes them out, `refuse` is an error with the line.
        suffixes: Which files of a folder are text (`.txt` and `.md`; with `field` `.jsonl` and `.ndjson`).

    Raises:
        TokenizerError: The path is missing or holds no text, or a byte is not UTF-8; the message says which and where.
    """
    placed = read_placed_documents(
        source, separator=separator, field=field, normalization=normalization, errors=errors, line_breaks=line_breaks,
        controls=controls, suffixes=suffixes,
    )  # fmt: skip
    return (text for _, text in placed)


def read_placed_documents(
    source: Source,
    *,
    separator: str | None = None,
    field: str | None = None,
    normalization: Normalization | None = None,
    errors: Errors = "strict",
    line_breaks: LineBreaks = "lf",
    controls: Controls = "keep",
    suffixes: Iterable[str] | None = None,
) -> Iterator[tuple[str, str]]:
    """The same, each document after its place: the file, and the line where a file may hold several."""
    cleaning = Cleaning(normalization=normalization, line_breaks=line_breaks, controls=controls)
    return _documents(_sources(source, separator, field, suffixes), separator, field, cleaning, errors)


def read_parts(
    source: Source,
    *,
    special_tokens: Collection[str] = (),
    separator: str | None = None,
    field: str | None = None,
    normalization: Normalization | None = None,
    errors: Errors = "strict",
    line_breaks: LineBreaks = "lf",
    controls: Controls = "keep",
    suffixes: Iterable[str] | None = None,
    longest: int = LONGEST,
) -> Iterator[str]:
    """What `train_bpe` needs of documents of any size: their text in parts, cut where no piece is cut in two.

        train_bpe(read_parts("everything.txt", special_tokens=SPECIAL), vocab_size=32_000, special_tokens=SPECIAL)

    In memory are a mebibyte of the file and what stands after the last safe place, at most `longest` characters.
    With `separator` or `field` documents are read one by one, as by `read_documents`.

    Why it works:
        Learning counts pieces, and a piece ends at every safe place whatever stands around it (see `boundaries.py`).
        So the parts have the same pieces as the whole, and the merges are the same.

    Args:
        source: A file, a folder, a glob, `-` or an open binary file, as for `read_documents`.
        special_tokens: The names that training will be given; they are left out, since nothing is learned of them.
        separator: A line that stands alone between two documents.
        field: The field of each line's JSON object that is a document.
        normalization: `NFC` or `NFKC`.
        errors: What happens to a byte that is not UTF-8: `strict`, `replace` or `ignore`.
        line_breaks: `lf` or `keep`.
        controls: What happens to control characters: `keep`, `remove` or `refuse`.
        suffixes: Which files of a folder are text.
        longest: How many characters may stand without a place to cut; a bound on memory that is enforced.

    Raises:
        TokenizerError: As `read_documents`, and where more characters than `longest` have no place to cut.
    """
    SpecialTokens(list(special_tokens))
    require_count("longest", longest)
    cleaning = Cleaning(normalization=normalization, line_breaks=line_breaks, controls=controls)
    sources = _sources(source, separator, field, suffixes)
    if separator is not None or field is not None:
        return (text for _, text in _documents(sources, separator, field, cleaning, errors))
    return chain.from_iterable(parts_of_file(one, cleaning, errors, special_tokens, longest) for one in sources)


def _sources(
    source: Source, separator: str | None, field: str | None, suffixes: Iterable[str] | None
) -> Sequence[Source]:
    """The files that are meant, once it is known that the choice of documents makes sense."""
    if separator is not None and (not separator.strip() or "\n" in separator or "\r" in separator):
        raise TokenizerError(f"separator: must be one line that is not blank, was {separator!r}")
    if field is not None and (not field or separator is not None):
        raise TokenizerError(f"field: must be the name of a field, and goes without separator, was {field!r}")
    if not isinstance(source, (str, Path)) or is_stream(source):
        return [source]
    endings = suffixes if suffixes is not None else TEXT_FILES if field is None else JSON_LINES
    return text_files(source, endings)


def _documents(
    sources: Sequence[Source], separator: str | None, field: str | None, cleaning: Cleaning, errors: Errors
) -> Iterator[tuple[str, str]]:
    for source in sources:
        if field is not None:
            yield from fields(source, field, cleaning, errors)
        elif separator is not None:
            yield from separated(source, separator, cleaning, errors)
        else:
            yield from whole_file(source, cleaning, errors)
