"""From text to numbers: the corpus, the tokenizer that is learned on its training part, and the token files."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from llm_tokenizer import Tokenizer, TokenizerError, load_tokenizer, save_tokenizer, train_bpe
from llm_train.batches import window_count
from llm_train.corpus import Corpus, Document, load_corpus
from llm_train.interface import TrainError
from llm_train.progress import Announcer
from llm_train.recipe import Recipe
from llm_train.run import Run
from llm_train.tokens import TokenFile, open_tokens, write_tokens

END_OF_TEXT = "<|endoftext|>"
"""Stands between documents, so that a model can tell where a text begins."""


@dataclass(frozen=True)
class Prepared:
    """What the training loop needs of the text."""

    tokenizer: Tokenizer
    tokenizer_sha256: str
    training: TokenFile
    held_out: TokenFile


def prepare(recipe: Recipe, run: Run, announcer: Announcer) -> Prepared:
    """Make tokenizer and token files in the run folder, or take up those that are there."""
    with announcer.stage("text") as stage:
        corpus = load_corpus(recipe.data)
        run.claim_corpus(corpus)
        stage.done(f"{_measure(corpus.training)} to learn from, {_measure(corpus.held_out)} held out")
    with announcer.stage("tokenizer") as stage:
        tokenizer, note = _tokenizer(recipe, run, corpus)
        stage.done(note)
    with announcer.stage("tokens") as stage:
        digest = tokenizer_sha256(tokenizer)
        files = [
            _tokens(run, name, documents, tokenizer, digest)
            for name, documents in (("training", corpus.training), ("held-out", corpus.held_out))
        ]
        training, held_out = files
        window_count(len(training), recipe.model.context)  # refuses a corpus that is too short, before any work
        stage.done(
            f"{len(training):,} to learn from, {len(held_out):,} held out, "
            f"{training.header.bytes / len(training):.2f} bytes each"
        )
    return Prepared(tokenizer, digest, training, held_out)


def tokenizer_sha256(tokenizer: Tokenizer) -> str:
    """What a tokenizer does, as a hash: the bytes of every token and the special ones. Merges follow from the order."""
    tokens = [tokenizer.token_bytes(id).hex() for id in range(tokenizer.vocab_size)]
    content = json.dumps([tokens, dict(tokenizer.special_tokens)])
    return hashlib.sha256(content.encode()).hexdigest()


def _tokenizer(recipe: Recipe, run: Run, corpus: Corpus) -> tuple[Tokenizer, str]:
    wanted = recipe.tokenizer
    if (run.tokens_folder / "tokenizer.json").exists():
        return load_tokenizer(run.tokens_folder), f"{wanted.vocabulary:,} tokens, learned before"
    try:
        tokenizer = train_bpe(
            [document.text for document in corpus.training],
            vocab_size=wanted.vocabulary, pattern=wanted.pattern, special_tokens=[END_OF_TEXT],
        )  # fmt: skip
    except TokenizerError as error:
        raise TrainError(f"tokenizer.vocabulary = {wanted.vocabulary}, pattern = {wanted.pattern!r}: {error}") from None
    save_tokenizer(tokenizer, run.tokens_folder)
    return tokenizer, f"{tokenizer.vocab_size:,} tokens learned by merging byte pairs"


def _tokens(run: Run, name: str, documents: Sequence[Document], tokenizer: Tokenizer, digest: str) -> TokenFile:
    path = run.tokens_folder / f"{name}.bin"
    if path.with_suffix(".json").exists():
        return open_tokens(path, tokenizer_sha256=digest)
    return write_tokens(
        path,
        (tokenizer.encode(document.text) for document in documents),
        separator=tokenizer.special_tokens[END_OF_TEXT],
        text_bytes=sum(len(document.text.encode()) for document in documents),
        vocab_size=tokenizer.vocab_size,
        tokenizer_sha256=digest,
    )


def _measure(documents: Sequence[Document]) -> str:
    size = sum(len(document.text.encode()) for document in documents)
    words = "text" if len(documents) == 1 else "texts"
    return (
        f"{len(documents)} {words} ({size / 1e6:.2f} MB)"
        if size >= 1e5
        else f"{len(documents)} {words} ({size:,} bytes)"
    )
