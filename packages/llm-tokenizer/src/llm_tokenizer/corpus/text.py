"""Read text: from files on disk to clean documents, one at a time.

A document is what belongs together: a file, the part of a file between two separator lines, or a field of a JSON line.
Nothing is guessed and nothing is dropped: a byte that is not UTF-8 is an error with its place, and only what is asked
for is changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypedDict, Unpack

from llm_tokenizer.bpe.safe_parts import LONGEST, ordinary_parts
from llm_tokenizer.corpus.cleaning import Cleaning, Controls, LineBreaks, Normalization
from llm_tokenizer.corpus.documents import clean_blocks, fields, one_document, separated
from llm_tokenizer.corpus.file_search import JSON_LINES, TEXT_FILES, require_file, text_files
from llm_tokenizer.corpus.unicode_decoding import Errors, Source, is_stream
from llm_tokenizer.interface import TokenizerError, require_count
from llm_tokenizer.special import SpecialTokens


class Reading(TypedDict, total=False):
    """How files are read; `read_documents` explains each."""

    separator: str | None
    field: str | None
    normalization: Normalization | None
    errors: Errors
    line_breaks: LineBreaks
    controls: Controls
    suffixes: Iterable[str] | None


@dataclass(frozen=True, kw_only=True)
class _Choices(Cleaning):
    """The same with the defaults, and checked."""

    separator: str | None = None
    field: str | None = None
    errors: Errors = "strict"
    suffixes: Iterable[str] | None = None

    def __post_init__(self) -> None:
        line, field = self.separator, self.field
        if line is not None and (not line.strip() or "\n" in line or "\r" in line):
            raise TokenizerError(f"separator: must be one line that is not blank, was {line!r}")
        if field is not None and (not field or line is not None):
            raise TokenizerError(f"field: must be the name of a field, and goes without separator, was {field!r}")
        super().__post_init__()

    def sources(self, source: Source) -> Sequence[Source]:
        """Return the files that are meant."""
        if not isinstance(source, (str, Path)) or is_stream(source):
            return [source]
        endings = self.suffixes if self.suffixes is not None else TEXT_FILES if self.field is None else JSON_LINES
        return text_files(source, endings)

    def documents(self, sources: Iterable[Source]) -> Iterator[tuple[str, str]]:
        """Yield each document after its place."""
        for source in sources:
            if self.field is not None:
                yield from fields(source, self.field, self, self.errors)
            elif self.separator is not None:
                yield from separated(source, self.separator, self, self.errors)
            else:
                yield from one_document(source, self, self.errors)


def read_text(source: Source, **how: Unpack[Reading]) -> str:
    """Return one file as text; see `read_documents` for what is done to it."""
    if isinstance(source, (str, Path)) and not is_stream(source):
        require_file(Path(source))
    return "".join(read_documents(source, **how))


def read_documents(source: Source, **how: Unpack[Reading]) -> Iterator[str]:
    """Yield the documents of a file, a folder, a glob or a stream, in the order of their paths.

    Only the current document is in memory, and files are read a mebibyte at a time. What is packed with gzip is
    unpacked on the way. A byte order mark at the start of a file is not part of the text.

    Args:
        source: A file, a folder, a glob (`texts/**/*.txt`), `-` for standard input, or an open binary file.
        separator: The line between two documents, for example `<|endoftext|>`. Without it a file is one document.
        field: Each line is a JSON object, and this field of it is a document; `meta.text` looks into an object.
        normalization: `NFC` composes accents; `NFKC` also folds look-alikes (`ﬁ` becomes `fi`), which loses something.
        errors: What happens to a byte that is not UTF-8: `strict` is an error with its place, `replace` puts U+FFFD,
            `ignore` drops it.
        line_breaks: `lf` turns those of all systems into line feeds (the default), `keep` leaves them as they are.
        controls: `keep` leaves control characters alone, `remove` takes them out (vertical tab, form feed and U+0085,
            which end lines, become line feeds), `refuse` is an error with the line. Tabs and line breaks are text.
        suffixes: Which files of a folder are text (`.txt` and `.md`; with `field` `.jsonl` and `.ndjson`).

    Raises:
        TokenizerError: The path is missing or holds no text, or a byte is not UTF-8; the message says which and where.
    """
    return (text for _, text in read_placed_documents(source, **how))


def read_placed_documents(source: Source, **how: Unpack[Reading]) -> Iterator[tuple[str, str]]:
    """Yield the same, each document after its place: the file, and the line if a file may hold several."""
    choices = _Choices(**how)
    return choices.documents(choices.sources(source))


def read_parts(
    source: Source, *, special_tokens: Collection[str] = (), longest: int = LONGEST, **how: Unpack[Reading]
) -> Iterator[str]:
    """Yield what `train_bpe` needs of documents of any size: their text in parts that split no pre-token.

        train_bpe(read_parts("everything.txt", special_tokens=SPECIAL), vocab_size=32_000, special_tokens=SPECIAL)

    In memory are a mebibyte of the file and what follows the last safe place, at most `longest` characters; with
    `separator` or `field` a whole document, as with `read_documents`.

    Why it works:
        Training counts pre-tokens, and a pre-token ends at every safe place whatever comes before and after it (see
        `bpe/boundaries.py`). So the parts have the same pre-tokens as the whole, and the merges are the same.

    Args:
        source: A file, a folder, a glob, `-` or an open binary file, as for `read_documents`.
        special_tokens: The names that training will be given; they are left out, since nothing is learned of them.
        longest: The most characters without a place to cut; a bound on memory that is enforced.
        how: As for `read_documents`.

    Raises:
        TokenizerError: As `read_documents`, and where more characters than `longest` have no place to cut.
    """
    SpecialTokens(list(special_tokens))
    require_count("longest", longest)
    choices = _Choices(**how)
    sources = choices.sources(source)
    texts: Iterable[Iterable[str]] = (clean_blocks(one, choices, choices.errors, longest) for one in sources)
    if choices.separator is not None or choices.field is not None:
        texts = ([text] for _, text in choices.documents(sources))
    return chain.from_iterable(ordinary_parts(text, special_tokens, longest) for text in texts)
