"""Small tokenizer files of every format, written here byte by byte."""

from __future__ import annotations

import struct

from llm_tokenizer import PretrainedTokenizer, train_bpe
from llm_tokenizer.bpe.byte_unicode import to_printable

TEXT = "The cat's mat, 12 cats!\n  the fat cats sat; 猫 naïve that that 1999 hats  \n"
TRAINED = train_bpe([TEXT * 3], vocab_size=290)
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def published(pattern: str = "gpt2", **settings: object) -> PretrainedTokenizer:
    """The trained tokenizer with other ids: special tokens first, then all others backwards."""
    new_id = {id: len(CONTROL) + 289 - id for id in range(290)}
    return PretrainedTokenizer(
        {new_id[id]: token for id, token in TRAINED.tokens.items()},
        [(new_id[left], new_id[right]) for left, right in TRAINED.merges],
        pattern=pattern,
        special_tokens={name: id for id, name in enumerate(CONTROL)},
        **settings,  # type: ignore[arg-type]
    )


def number(value: int) -> bytes:
    """A number in seven bits a byte."""
    data = b""
    while value > 0x7F:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def message(*fields: tuple[int, int | float | bytes | str]) -> bytes:
    """A message of the wire format."""
    data = b""
    for place, value in fields:
        if isinstance(value, float):
            data += number(place << 3 | 5) + struct.pack("<f", value)
        elif isinstance(value, int):
            data += number(place << 3) + number(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            data += number(place << 3 | 2) + number(len(content)) + content
    return data


PIECES = [
    ("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3),
    *((f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)),
    ("▁t", -0.0, 1), ("at", -1.0, 1), ("he", -2.0, 1), ("▁the", -3.0, 1), ("cat", -4.0, 1), ("▁cat", -5.0, 1),
    ("▁▁", -9.0, 1), ("▁▁▁", -9.0, 1), ("▁▁▁▁", -9.0, 1),
    *((character, -20.0 - place, 1) for place, character in enumerate("▁abcehst猫é")),
]  # fmt: skip


def model(
    pieces: list[tuple[str, float, int]] = PIECES,
    training: bytes = message((3, 2), (35, 1)),
    normalizer: bytes = message((1, "identity"), (3, 1), (4, 0), (5, 1)),
) -> bytes:
    """A SentencePiece model."""
    return message(
        *((1, message((1, text), (2, score), (3, kind))) for text, score, kind in pieces),
        (2, training),
        (3, normalizer),
    )


Value = bool | int | float | str | list[str] | list[int] | list[float]
TEXT_KIND, ARRAY_KIND = 8, 9


def gguf(entries: dict[str, Value], version: int = 3) -> bytes:
    """A GGUF file without tensors."""
    data = b"GGUF" + struct.pack("<IQQ", version, 0, len(entries))
    for key, value in entries.items():
        data += _text(key) + _entry(value)
    return data


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _entry(value: Value) -> bytes:
    if isinstance(value, list):
        items = [_entry(item) for item in value]
        kind = items[0][:4] if items else struct.pack("<I", TEXT_KIND)
        return struct.pack("<I", ARRAY_KIND) + kind + struct.pack("<Q", len(items)) + b"".join(i[4:] for i in items)
    if isinstance(value, bool):
        return struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return struct.pack("<Ii", 5, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    return struct.pack("<I", TEXT_KIND) + _text(value)


def byte_level_entries(pre: str = "gpt-2") -> dict[str, Value]:
    """What a GGUF file says of the tokenizer `published()`."""
    tokenizer = published()
    printable = {id: to_printable(token) for id, token in tokenizer.tokens.items()}
    names = [CONTROL[id] if id < len(CONTROL) else printable[id] for id in range(tokenizer.vocab_size)]
    return {
        "general.name": "small",
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": names,
        "tokenizer.ggml.token_type": [3] * len(CONTROL) + [1] * len(printable),
        "tokenizer.ggml.merges": [f"{printable[left]} {printable[right]}" for left, right in tokenizer.merges],
        "tokenizer.ggml.add_bos_token": False,
    }


def sentencepiece_entries() -> dict[str, Value]:
    """What a GGUF file says of the tokenizer of `model()`."""
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [text for text, _, _ in PIECES],
        "tokenizer.ggml.scores": [score for _, score, _ in PIECES],
        "tokenizer.ggml.token_type": [kind for _, _, kind in PIECES],
    }


def llama_json(**changes: object) -> dict[str, object]:
    """The SentencePiece model as a `tokenizer.json`: all merges, the highest score first."""
    score_of = {text: score for text, score, kind in PIECES if kind == 1}
    merges = [
        (-score, [text[:place], text[place:]])
        for text, score in score_of.items()
        for place in range(1, len(text))
        if {text[:place], text[place:]} <= score_of.keys()
    ]
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    names = {0: "<unk>", 1: "<s>", 2: "</s>"}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id, "content": name} | flags for id, name in names.items()],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, spaces]},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": {text: id for id, (text, _, _) in enumerate(PIECES)},
            "merges": [merge for _, merge in sorted(merges)],
        },
    } | changes
