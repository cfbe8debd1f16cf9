"""SentencePiece models (`tokenizer.model`): byte-pair encoding with byte fallback.

What is read: models of type BPE whose normalizer does nothing (`identity`), which is what Llama 2, Mistral and their
kin use. What is refused, each by its name: Unigram models, models without byte fallback (they lose characters), and
normalizers that change the text (`nmt_nfkc`: an approximation would give other ids in rare places).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from llm_tokenizer.bpe.sentencepiece import SentencePieceTokenizer
from llm_tokenizer.files.field import naming, read_whole, refusal
from llm_tokenizer.files.protobuf import as_bytes, as_float, as_number, as_text, read_message

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
_KINDS = {
    NORMAL: "normal",
    UNKNOWN: "unknown",
    CONTROL: "control",
    USER_DEFINED: "user-defined",
    UNUSED: "unused",
    BYTE: "byte",
}
_BYTE_OF = {f"<0x{byte:02X}>": byte for byte in range(256)}
_TYPES = {1: "Unigram", 2: "BPE", 3: "word", 4: "character"}
BPE = 2
LONGEST_PIECE = 512  # characters; a longer one would have more ways to be cut in two than any vocabulary needs


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One entry of a SentencePiece vocabulary; pieces with a higher score are merged first."""

    text: str
    score: float = 0.0
    kind: int = NORMAL


def load_sentencepiece(path: str | Path) -> SentencePieceTokenizer:
    """Read a SentencePiece model.

    Raises:
        TokenizerError: The file is missing or damaged, or the model is of a kind that is not read (see above).
    """
    path = Path(path)
    with naming(path):
        pieces: list[Piece] = []
        specifications = {2: b"", 3: b""}
        for number, kind, value in read_message(read_whole(path), "the model"):
            if number == 1:
                name = f"pieces[{len(pieces)}]"
                pieces.append(_piece(as_bytes(value, kind, name), name))
            elif number in specifications:
                specifications[number] += as_bytes(value, kind, f"field {number}")  # parts of one message add up
        _check_training(specifications[2])
        leading_blank = _check_normalizer(specifications[3])
        return from_pieces(pieces, leading_blank=leading_blank)


def from_pieces(pieces: Iterable[Piece], *, leading_blank: bool) -> SentencePieceTokenizer:
    """The tokenizer for a vocabulary, whose ids are the places of the pieces."""
    normal: dict[str, int] = {}
    scores: dict[str, float] = {}
    special_tokens: dict[str, int] = {}
    byte_ids: dict[int, int] = {}
    for id, piece in enumerate(pieces):
        name = f"pieces[{id}]"
        byte = _BYTE_OF.get(piece.text)
        if not 0 < len(piece.text) <= LONGEST_PIECE or piece.text in normal or piece.text in special_tokens:
            raise refusal(name, f"a text of its own of 1 to {LONGEST_PIECE} characters", piece.text[:40])
        if piece.kind == NORMAL:
            if not math.isfinite(piece.score):
                raise refusal(f"{name}.score", "a finite number", repr(piece.score))
            normal[piece.text] = id
            scores[piece.text] = piece.score
        elif piece.kind in (CONTROL, UNKNOWN):
            special_tokens[piece.text] = id
        elif piece.kind == BYTE and byte is not None and byte not in byte_ids:
            byte_ids[byte] = id
        else:
            raise refusal(
                f"{name}.type", "normal, control, unknown or a byte (once)", _KINDS.get(piece.kind, piece.kind)
            )
    if len(byte_ids) < 256:
        raise refusal("pieces", "such that each byte has one (byte fallback)", f"{len(byte_ids)} bytes")
    return SentencePieceTokenizer(
        normal,
        scores,
        [byte_ids[byte] for byte in range(256)],
        special_tokens=special_tokens,
        leading_blank=leading_blank,
    )


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


def _check_training(data: bytes) -> None:
    """Of how the model was trained: what it is."""
    values = {3: 1, 24: 0, 35: 0}  # type (Unigram), blanks at the end of words, byte fallback: the format's defaults
    for number, _, value in read_message(data, "trainer_spec"):
        if number in values:
            values[number] = as_number(value, f"trainer_spec, field {number}")
    if values[3] != BPE:
        raise refusal(
            "trainer_spec.model_type", "BPE", _TYPES.get(values[3], values[3]), "load it with its own library"
        )
    if values[24]:
        raise refusal("trainer_spec.treat_whitespace_as_suffix", "false", True, "load it with its own library")
    if not values[35]:
        raise refusal("trainer_spec.byte_fallback", "true", False, "load it with its own library")


def _check_normalizer(data: bytes) -> bool:
    """Refuse whatever changes a text; the answer is whether a blank is put before it."""
    name, table = "identity", b""
    flags = {3: 1, 4: 1, 5: 1}  # leading blank, remove other blanks, write blanks as `▁`: the format's defaults
    for number, kind, value in read_message(data, "normalizer_spec"):
        if number == 1:
            name = as_text(value, kind, "normalizer_spec.name")
        elif number in (2, 6):
            table += as_bytes(value, kind, f"normalizer_spec, field {number}")
        elif number in flags:
            flags[number] = as_number(value, f"normalizer_spec, field {number}")
    if table:
        raise refusal("normalizer_spec.name", "identity", name, "load it with its own library")
    if flags[4]:
        raise refusal("normalizer_spec.remove_extra_whitespaces", "false", True, "load it with its own library")
    if not flags[5]:
        raise refusal("normalizer_spec.escape_whitespaces", "true", False, "load it with its own library")
    return bool(flags[3])
