"""The first stages: the corpus, its tokenizer, and the token files."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from llm_tokenizer import Tokenizer, load_tokenizer, save_tokenizer, train_bpe
from llm_tokenizer.commands.wording import quantity, shortened
from llm_train.data.corpus import Corpus, load_corpus
from llm_train.data.encoding import encoded_parts, encoder_for
from llm_train.data.known import read_known, write_known
from llm_train.data.packed_windows import PackedWindows, open_windows, pack_windows
from llm_train.data.prepared import is_prepared, open_prepared
from llm_train.data.scanning import END_OF_TEXT
from llm_train.data.sources import Document, skipped_files
from llm_train.data.tokenizers import make_tokenizer, separator_of, tokenizer_sha256
from llm_train.data.tokens import TokenFile, open_tokens, write_tokens
from llm_train.data.windows import window_count
from llm_train.interface import TrainError
from llm_train.recipes.recipe import Recipe
from llm_train.recipes.settings import TokenizerSettings
from llm_train.runs.folder import Run
from llm_train.runs.progress import Reporter

__all__ = ["END_OF_TEXT", "Prepared", "prepare"]

SHOWN = 3
"""Names in a message that are written out."""


@dataclass(frozen=True)
class Prepared:
    """What the training loop needs from the text."""

    tokenizer: Tokenizer
    tokenizer_sha256: str
    training: TokenFile
    held_out: TokenFile
    prompt: str
    """Words of the training text, to try the model with."""

    @property
    def separator(self) -> int:
        """The id that ends every document, and a text that the model writes."""
        return separator_of(self.tokenizer)


def prepare(recipe: Recipe, run: Run, reporter: Reporter, tokenizer: Tokenizer | None = None) -> Prepared:
    """Make the tokenizer and the token files in the run folder, or open those that are there.

    Args:
        recipe: of the run.
        run: where the files are.
        reporter: prints what was found.
        tokenizer: one of your own, in place of that of the recipe: any that honors llm_tokenizer's `Tokenizer`.

    Raises:
        TrainError: the corpus has changed since, or a setting does not fit it; the message names the file.
    """
    if is_prepared(recipe.data.corpus):
        prepared = _opened(recipe, run, reporter)
    else:
        prepared = _from_text(recipe, run, reporter, tokenizer)
    if recipe.data.windows == "stream":
        window_count(len(prepared.training), recipe.model.context_length)  # refuses a text that is too short, in time
        return prepared
    with reporter.stage("packing") as stage:
        packed = _packed(recipe, run, prepared.training)
        stage.report = f"{quantity(len(packed), 'window')} of {recipe.model.context_length} tokens"
    prepared.training.packed = packed
    return prepared


def resolved(recipe: Recipe, prepared: Prepared) -> Recipe:
    """Return the recipe with what only the tokenizer knows."""
    return recipe.with_values(vocab_size=prepared.tokenizer.vocab_size)


def prompt_from(beginning: str, wanted: str) -> str:
    """Return the wanted prompt if the beginning of the training text has it, else a few words from there."""
    if wanted.strip() and wanted in beginning:
        return wanted.strip()
    found = re.search(r"(?<!\S)\w{1,20}(?: \w{1,20}){1,2}(?!\S)", beginning)
    return found[0] if found else (beginning.split() or [""])[0][:20]


def _from_text(recipe: Recipe, run: Run, reporter: Reporter, own: Tokenizer | None) -> Prepared:
    with reporter.stage("text") as stage:
        corpus = _corpus(recipe, run)
        stage.report = _found(corpus) + _skipped(skipped_files(recipe.data))
    for note in _warnings(corpus):
        reporter.say(f"note: {note}", style="yellow")
    with reporter.stage("tokenizer") as stage:
        tokenizer, note = _tokenizer(recipe, run, corpus, own)
        stage.report = f"{tokenizer.vocab_size:,} tokens, {note}"
    with reporter.stage("tokens") as stage:
        digest = tokenizer_sha256(tokenizer)
        repeated = _Repeated()
        held_out = _tokens(run, "held-out", corpus, tokenizer, digest, repeated)
        training = _tokens(run, "training", corpus, tokenizer, digest, repeated)
        each = f"{training.bytes / len(training):.2f} bytes each"
        stage.report = f"{len(training):,} for training, {len(held_out):,} held out, {each}"
    if repeated.found:
        named = ", ".join(repeated.names) + (", …" if repeated.found > SHOWN else "")
        reporter.say(
            f"note: {quantity(repeated.found, 'training document')} with the text of a held-out one ({named}): the "
            "validation is too good; remove what is twice",
            style="yellow",
        )
    return Prepared(tokenizer, digest, training, held_out, prompt_from(_beginning(corpus), recipe.report.sample_prompt))


def _corpus(recipe: Recipe, run: Run) -> Corpus:
    """Read the corpus; files that are as they were when the run began are not read again."""
    file = run.tokens_folder / "sources.json"
    corpus = load_corpus(recipe.data, read_known(file))
    run.claim_corpus(corpus)
    run.tokens_folder.mkdir(exist_ok=True)
    write_known(file, corpus.scans, corpus.cut)
    return corpus


def _tokenizer(recipe: Recipe, run: Run, corpus: Corpus, own: Tokenizer | None) -> tuple[Tokenizer, str]:
    if own is not None:
        if recipe.tokenizer != TokenizerSettings(vocab_size=recipe.tokenizer.vocab_size):
            raise TrainError("tokenizer: a tokenizer of your own was given, so the recipe's section must be empty")
        return own, "given by the caller"
    if any((run.tokens_folder / name).exists() for name in ("tokenizer.json", "tokenizer.model")):
        return load_tokenizer(run.tokens_folder), "from before"
    tokenizer, note = make_tokenizer(recipe.tokenizer, corpus, train_bpe)
    save_tokenizer(tokenizer, run.tokens_folder)
    return tokenizer, note


def _tokens(run: Run, name: str, corpus: Corpus, tokenizer: Tokenizer, digest: str, repeated: "_Repeated") -> TokenFile:
    path = run.tokens_folder / f"{name}.json"
    if path.exists():
        return open_tokens(path, tokenizer_sha256=digest)
    held_out = name == "held-out"
    documents = repeated.watched(corpus.documents(held_out), held_out)
    encoder = encoder_for(tokenizer, sum(scan.bytes for scan in corpus.scans))
    return write_tokens(
        path, encoded_parts(encoder, documents),
        separator=separator_of(tokenizer), vocab_size=tokenizer.vocab_size, tokenizer_sha256=digest,
    )  # fmt: skip


class _Repeated:
    """Counts the training documents that are held out, too: by a hash of each, so that it takes little memory."""

    def __init__(self) -> None:
        self._held_out = set[bytes]()
        self.found = 0
        self.names: list[str] = []
        """Of the first of them."""

    def watched(self, documents: Iterator[Document], held_out: bool) -> Iterator[Document]:
        """Yield the documents; the held-out ones have to come first."""
        for document in documents:
            digest = hashlib.sha256()
            yield Document(document.name, self._hashed(document.parts, digest))
            if held_out:
                self._held_out.add(digest.digest())
            elif digest.digest() in self._held_out:
                self.found += 1
                self.names += [document.name] * (self.found <= SHOWN)

    @staticmethod
    def _hashed(parts: Iterator[str], digest: "hashlib._Hash") -> Iterator[str]:
        for part in parts:
            digest.update(part.encode())
            yield part


def _opened(recipe: Recipe, run: Run, reporter: Reporter) -> Prepared:
    """Open tokens that were prepared before, in a folder of their own."""
    with reporter.stage("tokens") as stage:
        prepared = open_prepared(recipe.data, recipe.tokenizer)
        run.claim_corpus(prepared)
        training, held_out = prepared.parts
        stage.report = f"{len(training):,} for training, {len(held_out):,} held out, prepared in {prepared.folder}"
    beginning = prepared.tokenizer.decode(training.read(0, min(len(training), 1000)).tolist())
    for name in prepared.tokenizer.special_tokens:
        beginning = beginning.replace(name, " ")
    return Prepared(
        prepared.tokenizer, prepared.header.tokenizer_sha256, training, held_out,
        prompt_from(beginning, recipe.report.sample_prompt),
    )  # fmt: skip


def _packed(recipe: Recipe, run: Run, text: TokenFile) -> PackedWindows:
    path = run.tokens_folder / "packed.json"
    if path.exists():
        return open_windows(path, text, recipe.model.context_length)
    run.tokens_folder.mkdir(exist_ok=True)
    return pack_windows(path, text, recipe.model.context_length)


def _beginning(corpus: Corpus) -> str:
    parts = (part for document in corpus.documents(held_out=False) for part in document.parts)
    return "".join(islice(parts, 64))


def _found(corpus: Corpus) -> str:
    """Return what was found, in a line."""
    documents, size = sum(scan.documents for scan in corpus.scans), sum(scan.bytes for scan in corpus.scans)
    held_out = sum(part.bytes for part in corpus.held_out)
    texts = quantity(documents, "text")
    if documents != len(corpus.scans):
        texts += f" in {quantity(len(corpus.scans), 'file')}"
    where = ""
    if corpus.cut is not None and corpus.cut.character:
        where = f", from within {corpus.held_out[0].printable_name.removesuffix(' (in part)')}"
    blank = sum(scan.blank for scan in corpus.scans) + sum(not scan.size for scan in corpus.scans)
    skipped = f"; {blank:,} empty skipped" if blank else ""
    return f"{texts} ({_size(size)}), {_size(held_out)} held out{where}{skipped}"


def _skipped(files: Sequence[Path]) -> str:
    """Return how many files of other kinds are left out, and of which."""
    if not files:
        return ""
    kinds = sorted({file.suffix.lower() or "no suffix" for file in files})
    return f"; {quantity(len(files), 'file')} of other kinds skipped ({shortened(kinds, SHOWN)})"


def _warnings(corpus: Corpus) -> Iterator[str]:
    """Yield what may not be meant."""
    written_out = sum(scan.separators for scan in corpus.scans)
    if written_out:
        yield (
            f"{END_OF_TEXT} is written out in {quantity(written_out, 'text')} and learned as plain characters; "
            f"if lines of it separate documents, use --set 'separator=\"{END_OF_TEXT}\"'"
        )


def _size(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 1e5 else quantity(size, "byte")
