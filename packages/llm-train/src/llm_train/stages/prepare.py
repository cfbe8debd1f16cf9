"""The first stages: the corpus, the tokenizer that is trained on its training part, and the token files."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from llm_tokenizer import Tokenizer, TokenizerError, load_tokenizer, save_tokenizer, train_bpe
from llm_tokenizer.commands.wording import quantity
from llm_train.data.batches import window_count
from llm_train.data.corpus import Corpus, Document, load_corpus
from llm_train.data.tokens import TokenFile, open_tokens, write_tokens
from llm_train.interface import TrainError
from llm_train.recipes.recipe import Recipe
from llm_train.runs.folder import Run
from llm_train.runs.progress import Reporter

END_OF_TEXT = "<|endoftext|>"
"""Separates documents, so that the model learns where a text begins."""


@dataclass(frozen=True)
class Prepared:
    """What the training loop needs from the text."""

    tokenizer: Tokenizer
    tokenizer_sha256: str
    training: TokenFile
    held_out: TokenFile
    prompt: str
    """Words of the training text, to try the model with."""


def prepare(recipe: Recipe, run: Run, reporter: Reporter) -> Prepared:
    """Make the tokenizer and the token files in the run folder, or open those that are there."""
    with reporter.stage("text") as stage:
        corpus = load_corpus(recipe.data)
        run.claim_corpus(corpus)
        stage.report = f"{_size(corpus.training)} for training, {_size(corpus.held_out)} held out"
    with reporter.stage("tokenizer") as stage:
        tokenizer, note = _tokenizer(recipe, run, corpus)
        stage.report = note
    with reporter.stage("tokens") as stage:
        digest = tokenizer_sha256(tokenizer)
        training = _tokens(run, "training", corpus.training, tokenizer, digest)
        held_out = _tokens(run, "held-out", corpus.held_out, tokenizer, digest)
        window_count(len(training), recipe.model.context_length)  # refuses a corpus that is too short, before any work
        stage.report = (
            f"{len(training):,} for training, {len(held_out):,} held out, "
            f"{training.header.bytes / len(training):.2f} bytes each"
        )
    return Prepared(tokenizer, digest, training, held_out, prompt_from(corpus, recipe.report.sample_prompt))


def tokenizer_sha256(tokenizer: Tokenizer) -> str:
    """Return a hash of a tokenizer: of the bytes of every token and the special tokens. They determine the merges."""
    tokens = [tokenizer.token_bytes(id).hex() for id in range(tokenizer.vocab_size)]
    content = json.dumps([tokens, dict(tokenizer.special_tokens)])
    return hashlib.sha256(content.encode()).hexdigest()


def prompt_from(corpus: Corpus, wanted: str) -> str:
    """Return the wanted prompt if the training text has it, else a few words from the beginning of that text."""
    if wanted.strip() and any(wanted in document.text for document in corpus.training):
        return wanted.strip()
    text = corpus.training[0].text
    found = re.search(r"(?<!\S)\w{1,20}(?: \w{1,20}){1,2}(?!\S)", text)
    return found[0] if found else text.split()[0][:20]


def _tokenizer(recipe: Recipe, run: Run, corpus: Corpus) -> tuple[Tokenizer, str]:
    wanted = recipe.tokenizer
    if (run.tokens_folder / "tokenizer.json").exists():
        return load_tokenizer(run.tokens_folder), f"{wanted.vocab_size:,} tokens, from before"
    try:
        tokenizer = train_bpe(
            [document.text for document in corpus.training],
            vocab_size=wanted.vocab_size, pattern=wanted.pattern, special_tokens=[END_OF_TEXT],
        )  # fmt: skip
    except TokenizerError as error:
        advice = f": --set {error.option}" if error.option else ""
        raise TrainError(f"the tokenizer: {error}{advice}") from None
    save_tokenizer(tokenizer, run.tokens_folder)
    return tokenizer, f"{tokenizer.vocab_size:,} tokens, trained by byte-pair encoding"


def _tokens(run: Run, name: str, documents: Sequence[Document], tokenizer: Tokenizer, digest: str) -> TokenFile:
    path = run.tokens_folder / f"{name}.bin"
    if path.with_suffix(".json").exists():
        return open_tokens(path, tokenizer_sha256=digest)
    return write_tokens(
        path,
        (tokenizer.encode(document.text) for document in documents),
        separator=tokenizer.special_tokens[END_OF_TEXT],
        text_bytes=sum(document.bytes for document in documents),
        vocab_size=tokenizer.vocab_size,
        tokenizer_sha256=digest,
    )


def _size(documents: Sequence[Document]) -> str:
    size = sum(document.bytes for document in documents)
    return f"{quantity(len(documents), 'text')} ({f'{size / 1e6:.2f} MB' if size >= 1e5 else quantity(size, 'byte')})"
