"""Read `tokenizer.json`, our own and that of published models, and check every field.

The format can say much that changes ids: normalizers, prefixes, regular expressions of any kind. What our tokenizers do
not do is refused with the field's name, never skipped, so that a file either leads to its author's ids or to an error.
Saved truncation and padding change nothing: the libraries that write them use them only where a caller asks.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from llm_tokenizer.bpe.byte_unicode import from_printable
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.sentencepiece import SPACE, PrependScheme, SentencePieceTokenizer
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.byte import BYTES, ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.corpus.cleaning import Normalization
from llm_tokenizer.files.fields import REMEDY, FieldError, Fields, check_id, naming, read_json, refusal
from llm_tokenizer.files.huggingface_config import CONFIG, check_matching, read_folder_config, with_folder_ids
from llm_tokenizer.files.huggingface_splitting import pattern_of, split
from llm_tokenizer.files.huggingface_template import read_template
from llm_tokenizer.files.huggingface_writing import BACK, EACH_CHARACTER, PREPEND, SPACES
from llm_tokenizer.files.sentencepiece import BYTE_OF
from llm_tokenizer.interface import TokenizerError

LoadedTokenizer = BytePairTokenizer | PretrainedTokenizer | SentencePieceTokenizer | ByteTokenizer | CharacterTokenizer


def load_hugging_face(path: str | Path) -> LoadedTokenizer:
    """Read a file `tokenizer.json`, and from the files beside it which tokens begin and end a text.

    Which ids are put around every text is up to the post-processor alone, as in transformers.

    Raises:
        TokenizerError: The file is missing, damaged, or says something that our tokenizers do not do; the message
            names the file, the field and what to do.
    """
    path = Path(path)
    with naming(path):
        tokenizer = from_hugging_face(Fields(read_json(path)))
    config = replace(read_folder_config(path.parent), add_bos_token=False, add_eos_token=False)
    if not isinstance(tokenizer, SentencePieceTokenizer):
        with naming(path.parent / CONFIG):
            config.check_no_prefix_space()
    return with_folder_ids(tokenizer, config)


def from_hugging_face(fields: Fields) -> LoadedTokenizer:
    """Return the tokenizer, once every field has been looked at."""
    around = read_template(fields.steps("post_processor", "processors"))
    kind = fields.get("model.type", str, default="BPE")  # the oldest files, GPT-2's among them, do not say it
    if kind == "WordLevel":
        return _character_level(fields).with_text_ids(**around)
    if kind != "BPE":
        raise refusal("model.type", '"BPE" or "WordLevel"', kind)
    fields.expect("model.dropout", None, 0, 0.0)
    for field in ("model.continuing_subword_prefix", "model.end_of_word_suffix"):
        fields.expect(field, None, "")
    read = _sentencepiece if fields.find("model.byte_fallback") else _byte_pair
    return read(fields).with_text_ids(**around)


def _byte_pair(fields: Fields) -> BytePairTokenizer | PretrainedTokenizer | ByteTokenizer:
    fields.expect("model.byte_fallback", False, None)
    fields.expect("model.ignore_merges", False, True, None)
    decoder = fields.steps("decoder", "decoders")
    if [step.get("type") for step in decoder] != ["ByteLevel"]:
        raise refusal("decoder.type", "ByteLevel", fields.find("decoder"))
    normalization = _normalization(fields)
    vocabulary = read_vocabulary(fields)
    special_tokens = read_special_tokens(fields, vocabulary)
    tokens = _tokens(vocabulary, special_tokens)
    merges = [(vocabulary[left], vocabulary[right]) for left, right in _merges(fields, vocabulary)]
    pattern = pattern_of(fields.get("pre_tokenizer", dict), fields.steps("pre_tokenizer", "pretokenizers"))
    ignore_merges = fields.find("model.ignore_merges") is True
    visible = _visible_tokens(fields)
    plain = normalization is None and not ignore_merges and not visible
    if plain and _is_our_numbering(tokens, merges, special_tokens):
        if pattern is not None:
            return BytePairTokenizer(merges, pattern=pattern, special_tokens=list(special_tokens))
        if not merges:
            return ByteTokenizer(list(special_tokens))
    if pattern is None:
        for name in visible:
            raise refusal(f"added_tokens: special of {json.dumps(name)}", "true where a text is not split", False)
        raise refusal(
            "pre_tokenizer", f"one of the known patterns ({', '.join(PATTERNS)})", "a whole text as one pre-token"
        )
    with _of_the_model():
        return PretrainedTokenizer(
            tokens,
            merges,
            pattern=pattern,
            special_tokens=special_tokens,
            ignore_merges=ignore_merges,
            normalization=normalization,
            visible_tokens=visible,
        )


@contextmanager
def _of_the_model() -> Iterator[None]:
    try:
        yield
    except TokenizerError as error:
        raise FieldError(f"model.{error}; {REMEDY}") from None


def _normalization(fields: Fields) -> Normalization | None:
    steps = fields.steps("normalizer", "normalizers")
    if not steps:
        return None
    kinds: dict[str, Normalization] = {"NFC": "NFC", "NFKC": "NFKC"}
    if len(steps) > 1 or steps[0].get("type") not in kinds:
        raise refusal("normalizer.type", "NFC or NFKC (another one would change the text)", fields.find("normalizer"))
    return kinds[steps[0]["type"]]


def _sentencepiece(fields: Fields) -> SentencePieceTokenizer:
    """Return the tokenizer of a file that was converted from a SentencePiece model."""
    fields.expect("model.ignore_merges", False, None)
    vocabulary = read_vocabulary(fields)
    added = read_special_tokens(fields, vocabulary)
    user_defined = {name: added.pop(name) for name in _visible_tokens(fields)}
    pieces = {text: id for text, id in vocabulary.items() if text not in added | user_defined}
    byte_ids = [pieces.pop(text) for text in BYTE_OF if text in pieces]
    if len(byte_ids) < 256:
        raise refusal("model.vocab", "one in which each byte has a token (byte fallback)", f"{len(byte_ids)} bytes")
    with _of_the_model():
        return SentencePieceTokenizer(
            pieces,
            byte_ids,
            merges=_merges(fields, vocabulary),
            special_tokens=added,
            user_defined=user_defined,
            prepend_scheme=_prepend_scheme(fields),
            double_space=bool(fields.steps("normalizer", "normalizers")),
        )


def _prepend_scheme(fields: Fields) -> PrependScheme:
    """Return where a space is put before a text, once it is known that nothing else happens to it.

    Llama 2 says it as two normalizers, newer files as Metaspace; Gemma puts none.
    """
    normalizer = fields.steps("normalizer", "normalizers")
    splitter = fields.steps("pre_tokenizer", "pretokenizers")
    scheme: PrependScheme | None = None
    if len(splitter) == 1 and not normalizer and splitter[0].get("type") == "Metaspace":
        scheme = _metaspace(splitter[0])
    elif splitter and (len(splitter) > 1 or not splits_at_spaces(splitter[0])):
        raise refusal("pre_tokenizer", "null or Metaspace", fields.find("pre_tokenizer"))
    elif normalizer == [PREPEND, SPACES]:
        scheme = "always"
    elif normalizer == [SPACES]:
        scheme = "never"
    if scheme is None:
        raise refusal("normalizer", f"one that only writes spaces as {SPACE}", fields.find("normalizer"))
    if fields.steps("decoder", "decoders") != BACK[: 3 if scheme == "never" else 4]:
        raise refusal("decoder", "one that undoes what is done to a text before", fields.find("decoder"))
    return scheme


def _metaspace(step: dict[str, Any]) -> PrependScheme:
    scheme: PrependScheme = step.get("prepend_scheme", "always" if step.get("add_prefix_space", True) else "never")
    known = scheme in get_args(PrependScheme)
    if step.get("replacement") != SPACE or step.get("split", True) is not False or not known:
        raise refusal("pre_tokenizer", f"a Metaspace with {SPACE} that does not split", step)
    return scheme


def splits_at_spaces(step: dict[str, Any]) -> bool:
    """Return whether a step splits at spaces, of which the normalizer has left none: it does nothing."""
    return step.get("type") == "Split" and step.get("pattern") == {"String": " "}


def _is_our_numbering(tokens: dict[int, bytes], merges: list[Pair], special_tokens: dict[str, int]) -> bool:
    """Whether the ids are the bytes, then the merges in their order, then the special tokens."""
    size = 256 + len(merges)
    return (
        len(tokens) == size
        and all(tokens.get(id) == byte for id, byte in enumerate(BYTES))
        and all(
            max(left, right) < id and tokens.get(id) == tokens.get(left, b"") + tokens.get(right, b"")
            for id, (left, right) in enumerate(merges, start=256)
        )
        and list(special_tokens.values()) == list(range(size, size + len(special_tokens)))
    )


def _character_level(fields: Fields) -> CharacterTokenizer:
    fields.expect("normalizer", None)
    fields.expect("decoder.type", "Fuse")
    fields.expect("model.unk_token", "")
    if fields.get("pre_tokenizer", dict) != split(EACH_CHARACTER):
        raise refusal("pre_tokenizer", "a split into single characters", fields.find("pre_tokenizer"))
    vocabulary: dict[str, int] = fields.get("model.vocab", dict)
    for place, (token, id) in enumerate(sorted(vocabulary.items())):
        if len(token) != 1 or type(id) is not int or id != place:
            raise refusal(f"model.vocab[{json.dumps(token)}]", "a single character, numbered by code point", id)
    if not vocabulary:
        raise refusal("model.vocab", "at least one character", vocabulary)
    special_tokens = read_special_tokens(fields, vocabulary)
    for name in _visible_tokens(fields):
        raise refusal(f"added_tokens: special of {json.dumps(name)}", "true in a vocabulary of characters", False)
    for place, (name, id) in enumerate(special_tokens.items(), start=len(vocabulary)):
        if id != place:
            raise refusal(f"added_tokens: id of {json.dumps(name)}", str(place), id)
    return CharacterTokenizer("".join(vocabulary), list(special_tokens))


def read_vocabulary(fields: Fields) -> dict[str, int]:
    """Return the ids of the vocabulary; no two tokens may share one."""
    vocabulary: dict[str, int] = fields.get("model.vocab", dict)
    ids: set[int] = set()
    for token, id in vocabulary.items():
        field = f"model.vocab[{json.dumps(token)}]"
        if check_id(field, id) in ids:
            raise refusal(field, "an id that no other token has", id)
        ids.add(id)
    return vocabulary


def _tokens(vocabulary: dict[str, int], special_tokens: dict[str, int]) -> dict[int, bytes]:
    """The bytes of the ordinary tokens."""
    tokens = {}
    for token, id in vocabulary.items():
        data = from_printable(token)
        if token in special_tokens:
            continue
        if not data:
            raise refusal(
                f"model.vocab[{json.dumps(token)}]", "a token of printable characters that stand for bytes", id
            )
        tokens[id] = data
    return tokens


def _merges(fields: Fields, vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    merges = []
    for place, merge in enumerate(fields.get("model.merges", list)):
        parts = merge.split(" ") if isinstance(merge, str) else merge
        known = isinstance(parts, list) and all(isinstance(part, str) and part in vocabulary for part in parts)
        if not known or len(parts) != 2:
            raise refusal(f"model.merges[{place}]", "two tokens of model.vocab", merge)
        merges.append((parts[0], parts[1]))
    return merges


def read_special_tokens(fields: Fields, vocabulary: dict[str, int]) -> dict[str, int]:
    """Return the added tokens. They may also be in the vocabulary, with the same id."""
    normalizers = [step.get("type") for step in fields.steps("normalizer", "normalizers")]
    token_of = {id: token for token, id in vocabulary.items()}
    special_tokens: dict[str, int] = {}
    for place, entry in enumerate(fields.get("added_tokens", list)):
        field = f"added_tokens[{place}]"
        name = entry.get("content") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name or name in special_tokens:
            raise refusal(field, "a special token with a name (content) of its own", entry)
        id = check_id(f"{field}.id", entry.get("id"))
        if token_of.get(id, name) != name or vocabulary.get(name, id) != id:
            raise refusal(f"{field}.id", "an id that no other token has", id)
        token_of[id] = name
        if not isinstance(entry.get("special"), bool):
            raise refusal(f"{field}.special", "true or false", entry.get("special"))
        check_matching(field, entry)
        if entry.get("normalized") and _normalizer_changes(name, normalizers, special=entry["special"]):
            raise refusal(f"{field}.normalized", f"false (the normalizer changes {name!r})", True)
        special_tokens[name] = id
    return special_tokens


def _normalizer_changes(name: str, normalizers: list[Any], *, special: bool) -> bool:
    """Return whether a token that is looked for in the normalized text is another one there."""
    if "Prepend" in normalizers and not special:
        return True  # it would be found only after a space
    return any(form in normalizers and unicodedata.normalize(form, name) != name for form in ("NFC", "NFKC"))


def _visible_tokens(fields: Fields) -> list[str]:
    """Return the added tokens that are marked as not special: a reader is to see them."""
    return [entry["content"] for entry in fields.get("added_tokens", list) if not entry["special"]]
