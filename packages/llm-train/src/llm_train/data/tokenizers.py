"""The tokenizer of a run: trained on the training text, counted from its characters, bytes, or read from a folder."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from llm_tokenizer import ByteTokenizer, CharacterTokenizer, Tokenizer, TokenizerError, load_tokenizer, train_bpe
from llm_train.data.corpus import Corpus
from llm_train.data.encoding import COMPILED_FROM
from llm_train.data.scanning import END_OF_TEXT
from llm_train.interface import TrainError
from llm_train.recipes.settings import TokenizerSettings

DEFAULT_VOCABULARY = 2048

Trainer = Callable[..., Tokenizer]


def make_tokenizer(wanted: TokenizerSettings, corpus: Corpus, train: Trainer = train_bpe) -> tuple[Tokenizer, str]:
    """Return the tokenizer that a recipe asks for, and a note on where it is from.

    Args:
        wanted: the section of the recipe.
        corpus: its training part is learned from.
        train: what learns a byte-pair vocabulary.

    Raises:
        TrainError: the text does not hold so many tokens, a file is no tokenizer, or it has another size than wanted.
    """
    if wanted.kind == "folder":
        tokenizer, note = from_folder(wanted.path), f"from {wanted.path}"
    elif wanted.kind == "byte":
        tokenizer, note = ByteTokenizer([END_OF_TEXT]), "one for each byte"
    elif wanted.kind == "char":
        texts = (part for held_out in (False, True) for part in _texts(corpus, held_out))  # an unknown one is refused
        tokenizer, note = CharacterTokenizer.train(texts, [END_OF_TEXT]), "one for each character of the text"
    else:
        tokenizer, note = _trained(wanted, corpus, train)
    if wanted.kind != "bpe" and wanted.vocab_size not in (None, tokenizer.vocab_size):
        raise TrainError(
            f"tokenizer.vocab_size is {wanted.vocab_size}, but this tokenizer has {tokenizer.vocab_size} tokens: "
            "--set tokenizer.vocab_size= takes the size that it has"
        )
    return tokenizer, note


def from_folder(path: str) -> Tokenizer:
    """Return the tokenizer of a folder.

    Raises:
        TrainError: no path is given, or it holds no tokenizer.
    """
    if not path:
        raise TrainError('tokenizer.kind is "folder": tokenizer.path must name a tokenizer.json, or a folder with one')
    try:
        return load_tokenizer(Path(path).expanduser())
    except TokenizerError as error:
        raise TrainError(f"tokenizer.path: {error}") from None


def separator_of(tokenizer: Tokenizer) -> int:
    """Return the id that ends every document: what the tokenizer's files say ends a text, else its end-of-text token.

    Raises:
        TrainError: it has neither.
    """
    end = getattr(tokenizer, "eos_token_id", None)
    end = tokenizer.special_tokens.get(END_OF_TEXT) if end is None else end
    if end is None:
        raise TrainError(
            f"the tokenizer has no token that ends a text: neither an eos_token nor {END_OF_TEXT}; add one to its files"
        )
    return int(end)


def tokenizer_sha256(tokenizer: Tokenizer) -> str:
    """Return a hash of a tokenizer: of the bytes of every token and the special tokens. They determine the merges."""
    content = json.dumps(
        [[_bytes(tokenizer, id) for id in range(tokenizer.vocab_size)], dict(tokenizer.special_tokens)]
    )
    return hashlib.sha256(content.encode()).hexdigest()


def _bytes(tokenizer: Tokenizer, id: int) -> str:
    try:
        return tokenizer.token_bytes(id).hex()
    except TokenizerError:  # a published vocabulary may leave out some ids
        return "none"


def _trained(wanted: TokenizerSettings, corpus: Corpus, train: Trainer) -> tuple[Tokenizer, str]:
    size, limit = sum(scan.characters for scan in corpus.scans), wanted.sample_characters
    note = "trained by byte-pair encoding"
    texts: Iterable[str] = _texts(corpus, False)
    if size > limit:
        note += f" on {limit / 1e6:,.1f} of {size / 1e6:,.1f} million characters, spread evenly"
        texts = spread_evenly(texts, limit, size)
    if train is train_bpe and min(size, limit) >= COMPILED_FROM and find_spec("numba") is not None:
        from llm_tokenizer.bpe.fast import train_bpe as compiled

        train = compiled
    try:
        return train(
            texts,
            vocab_size=wanted.vocab_size or DEFAULT_VOCABULARY,
            pattern=wanted.pattern,
            special_tokens=[END_OF_TEXT],
        ), note
    except TokenizerError as error:
        advice = f": --set {error.option}" if error.option else ""
        raise TrainError(f"the tokenizer: {error}{advice}") from None


def spread_evenly(texts: Iterable[str], limit: int, size: int) -> Iterator[str]:
    """Yield some of the texts, `limit` of `size` characters, as evenly as their lengths allow: the same ones always."""
    seen = taken = 0
    for text in texts:
        if taken * size < limit * (seen + 1):
            taken += len(text)
            yield text
        seen += len(text)


def _texts(corpus: Corpus, held_out: bool) -> Iterator[str]:
    return (part for document in corpus.documents(held_out) for part in document.parts)
