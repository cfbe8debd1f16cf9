"""SentencePiece models (`tokenizer.model`): byte-pair encoding with byte fallback.

What is read: models of type BPE whose normalizer does nothing (`identity`), which is what Llama 2, Mistral, Gemma and
others use. What is refused, each by its name: Unigram models, models without byte fallback (they lose characters),
and normalizers that change the text (`nmt_nfkc`: an approximation would produce other ids in rare places).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from llm_tokenizer.bpe.sentencepiece import PrependScheme, SentencePieceTokenizer
from llm_tokenizer.files.fields import FieldError, naming, read_whole, refusal
from llm_tokenizer.files.huggingface_config import FolderConfig, check_bare, read_folder_config, with_folder_ids
from llm_tokenizer.files.protobuf import as_bytes, as_float, as_number, as_text, read_message, write_message
from llm_tokenizer.files.writing import atomic_write, write_errors_as
from llm_tokenizer.interface import TokenizerError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
_KINDS = ("", "normal", "unknown", "control", "user-defined", "unused", "byte")
BYTE_OF = {f"<0x{byte:02X}>": byte for byte in range(256)}
_TYPES = {1: "Unigram", 2: "BPE", 3: "word", 4: "character"}
BPE = 2
FILE = "tokenizer.model"
UNKNOWN_TOKEN = "<unk>"  # noqa: S105 - a token of a vocabulary
LONGEST_PIECE = 512  # characters; a longer one would have more ways to be split in two than any vocabulary needs
_ELSEWHERE = "load it with its own library"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One entry of a SentencePiece vocabulary; pieces with a higher score are merged first."""

    text: str
    score: float = 0.0
    kind: int = NORMAL


def load_sentencepiece(path: str | Path) -> SentencePieceTokenizer:
    """Read a SentencePiece model, and from the files beside a `tokenizer.model` what they add to it.

    Raises:
        TokenizerError: The file is missing or damaged, or the model is of a kind that is not read (see above).
    """
    path = Path(path)
    config = read_folder_config(path.parent) if path.name == FILE else FolderConfig()
    with naming(path):
        pieces: list[Piece] = []
        specifications = {2: b"", 3: b""}
        for number, kind, value in read_message(read_whole(path), "the model"):
            if number == 1:
                name = f"pieces[{len(pieces)}]"
                pieces.append(_piece(as_bytes(value, kind, name), name))
            elif number in specifications:
                specifications[number] += as_bytes(value, kind, f"field {number}")  # parts of one message add up
        begin, end = _check_training(specifications[2])
        spaced = _check_normalizer(specifications[3]) and config.add_prefix_space is not False
        scheme: PrependScheme = "always" if spaced else "never"
        tokenizer = from_pieces(pieces, prepend_scheme=scheme, config=config)
        id_of = tokenizer.added_tokens
        bos, eos = (id_of.get(pieces[id].text) if id < len(pieces) else None for id in (begin, end))
        bos, eos = (id_of.get(config.named.get(f"{role}_token", ""), id) for role, id in (("bos", bos), ("eos", eos)))
        return with_folder_ids(tokenizer.with_text_ids(bos_token_id=bos, eos_token_id=eos), config)


def save_sentencepiece(tokenizer: SentencePieceTokenizer, path: Path) -> Path:
    """Write a SentencePiece model.

    Raises:
        TokenizerError: The format cannot say what the tokenizer does, or the file cannot be written.
    """
    check_bare(tokenizer)
    pieces = dict(to_pieces(tokenizer))
    for id in range(tokenizer.vocab_size):
        pieces.setdefault(id, Piece(text=f"[PAD{id}]", kind=UNUSED))
    ends = ((41, tokenizer.bos_token_id), (42, tokenizer.eos_token_id), (43, None))
    unknown = next((id for id, piece in pieces.items() if piece.kind == UNKNOWN), None)
    model = write_message(
        *(
            (1, write_message((1, piece.text), (2, piece.score), (3, piece.kind)))
            for _, piece in sorted(pieces.items())
        ),
        (
            2,
            write_message(
                (3, BPE), (4, tokenizer.vocab_size), (35, 1), (40, -1 if unknown is None else unknown),
                *((number, -1 if id is None else id) for number, id in ends),
                *((number + 5, pieces[id].text) for number, id in ((40, unknown), *ends) if id is not None),
            ),
        ),
        (3, write_message((1, "identity"), (3, int(tokenizer.prepend_scheme == "always")), (4, 0), (5, 1))),
    )  # fmt: skip
    with write_errors_as(TokenizerError, path), atomic_write(path) as stream:
        stream.write(model)
    return path


def to_pieces(tokenizer: SentencePieceTokenizer) -> Iterator[tuple[int, Piece]]:
    """Yield the entries of a vocabulary with their ids, for formats that only say whether a space is put before a text.

    Raises:
        TokenizerError: A space is put elsewhere, or no scores lead to the merges.
    """
    if tokenizer.prepend_scheme == "first" or not tokenizer.double_space:
        raise TokenizerError(
            "tokenizer: must put a space before every text or never (not prepend_scheme='first' or double_space=False) "
            "for this format; save it as tokenizer.json"
        )
    scores = scores_of(tokenizer)
    for text, id in tokenizer.pieces.items():
        yield id, Piece(text=text, score=scores[text])
    for text, id in zip(BYTE_OF, tokenizer.byte_ids, strict=True):
        yield id, Piece(text=text, kind=BYTE)
    for text, id in tokenizer.user_defined.items():
        yield id, Piece(text=text, kind=USER_DEFINED)
    for text, id in tokenizer.special_tokens.items():
        yield id, Piece(text=text, kind=UNKNOWN if text == UNKNOWN_TOKEN else CONTROL)


def scores_of(tokenizer: SentencePieceTokenizer) -> dict[str, float]:
    """Return the score of each piece, from the order of the merges where there are only those.

    Raises:
        TokenizerError: No scores lead to these merges.
    """
    if tokenizer.merges is None:
        return dict(tokenizer.scores or {})
    order: dict[str, int] = {}
    for left, right in tokenizer.merges:
        order.setdefault(left + right, len(order))
    made = [order[left + right] for left, right in tokenizer.merges]
    known = set(tokenizer.merges)
    pieces = {**tokenizer.pieces, **tokenizer.user_defined}
    complete = all(
        (text[:place], text[place:]) in known or not {text[:place], text[place:]} <= pieces.keys()
        for text in tokenizer.pieces
        for place in range(1, len(text))
    )
    if made != sorted(made) or not complete:
        raise TokenizerError(
            "tokenizer: its merges follow no scores of its pieces, which this format needs; convert the folder's "
            "tokenizer.model instead: keep it in a folder without tokenizer.json"
        )
    return {text: -float(order.get(text, len(order))) for text in tokenizer.pieces}


def from_pieces(
    pieces: Iterable[Piece], *, prepend_scheme: PrependScheme, config: FolderConfig | None = None
) -> SentencePieceTokenizer:
    """Return the tokenizer for a vocabulary, whose ids are the places of the pieces."""
    normal: dict[str, int] = {}
    scores: dict[str, float] = {}
    special_tokens: dict[str, int] = {}
    user_defined: dict[str, int] = {}
    byte_ids: dict[int, int] = {}
    unused: dict[str, int] = {}
    group_of = {CONTROL: special_tokens, UNKNOWN: special_tokens, USER_DEFINED: user_defined, UNUSED: unused}
    for id, piece in enumerate(pieces):
        name = f"pieces[{id}]"
        byte = BYTE_OF.get(piece.text)
        known = piece.text in normal or any(piece.text in group for group in group_of.values())
        if not 0 < len(piece.text) <= LONGEST_PIECE or known:
            raise refusal(name, f"a text of its own of 1 to {LONGEST_PIECE} characters", piece.text[:40])
        if piece.kind == NORMAL:
            if not math.isfinite(piece.score):
                raise refusal(f"{name}.score", "a finite number", repr(piece.score))
            normal[piece.text] = id
            scores[piece.text] = piece.score
        elif piece.kind in group_of:
            group_of[piece.kind][piece.text] = id
        elif piece.kind == BYTE and byte is not None and byte not in byte_ids:
            byte_ids[byte] = id
        else:
            kind = _KINDS[piece.kind] if 0 < piece.kind < len(_KINDS) else piece.kind
            raise refusal(f"{name}.type", "one of those that are known, or a byte (once)", kind)
    if len(byte_ids) < 256:
        raise refusal("pieces", "such that each byte has one (byte fallback)", f"{len(byte_ids)} bytes")
    for text, id in unused.items():
        if any({text[:place], text[place:]} <= normal.keys() for place in range(1, len(text))):
            raise refusal(f"pieces[{id}].type", "normal where other pieces make it", "unused", _ELSEWHERE)
    ids_of_bytes = [byte_ids[byte] for byte in range(256)]
    known_ids = normal | special_tokens | user_defined | dict(zip(BYTE_OF, ids_of_bytes, strict=True))
    _add_tokens(config or FolderConfig(), known_ids, special_tokens, user_defined)
    return SentencePieceTokenizer(
        normal,
        ids_of_bytes,
        scores=scores,
        special_tokens=special_tokens,
        user_defined=user_defined,
        prepend_scheme=prepend_scheme,
    )


def _add_tokens(
    config: FolderConfig, known: dict[str, int], special_tokens: dict[str, int], user_defined: dict[str, int]
) -> None:
    """Add the tokens that the files beside a model name and the model lacks."""
    taken = {id: text for text, id in known.items()}
    for text, id in config.added.items():
        if known.get(text, id) != id or taken.get(id, text) != text:
            raise FieldError(f"{text!r}: has the id {id} in the files beside it, which is another token here")
        if text not in known:
            (special_tokens if text in config.special else user_defined)[text] = id


def _piece(data: bytes, name: str) -> Piece:
    text, score, piece_kind = "", 0.0, NORMAL
    for number, kind, value in read_message(data, name):
        if number == 1:
            text = as_text(value, kind, f"{name}.piece")
        elif number == 2:
            score = as_float(value, kind, f"{name}.score")
        elif number == 3:
            piece_kind = as_number(value, f"{name}.type")
    return Piece(text=text, score=score, kind=piece_kind)


def _check_training(data: bytes) -> tuple[int, int]:
    """Refuse other kinds of models; return the ids of the beginning and the end of a text.

    Where there is none, the file has -1, which is read as 2 ** 64 - 1.
    """
    # type (Unigram), spaces at the end of words, byte fallback, beginning, end: the format's defaults
    values = {3: 1, 24: 0, 35: 0, 41: 1, 42: 2}
    for number, _, value in read_message(data, "trainer_spec"):
        if number in values:
            values[number] = as_number(value, f"trainer_spec, field {number}")
    if values[3] != BPE:
        raise refusal("trainer_spec.model_type", "BPE", _TYPES.get(values[3], values[3]), _ELSEWHERE)
    if values[24]:
        raise refusal("trainer_spec.treat_whitespace_as_suffix", "false", True, _ELSEWHERE)
    if not values[35]:
        raise refusal("trainer_spec.byte_fallback", "true", False, _ELSEWHERE)
    return values[41], values[42]


def _check_normalizer(data: bytes) -> bool:
    """Refuse whatever changes a text; return whether a space is put before it."""
    name, table = "identity", b""
    flags = {3: 1, 4: 1, 5: 1}  # space before the text, remove repeated ones, write them as `▁`: the format's defaults
    for number, kind, value in read_message(data, "normalizer_spec"):
        if number == 1:
            name = as_text(value, kind, "normalizer_spec.name")
        elif number in (2, 6):
            table += as_bytes(value, kind, f"normalizer_spec, field {number}")
        elif number in flags:
            flags[number] = as_number(value, f"normalizer_spec, field {number}")
    if table:
        raise refusal("normalizer_spec.name", "identity", name, _ELSEWHERE)
    if flags[4]:
        raise refusal("normalizer_spec.remove_extra_whitespaces", "false", True, _ELSEWHERE)
    if not flags[5]:
        raise refusal("normalizer_spec.escape_whitespaces", "true", False, _ELSEWHERE)
    return bool(flags[3])
