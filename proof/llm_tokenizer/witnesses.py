"""Who agrees with the naive reference on every golden, besides the hand.

`tokenizers` is a published library in Rust with a regular expression engine (Oniguruma) of its own.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np

from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.reference import byte_to_unicode, decode_bpe
from proof.evidence import Witness

Merges = list[list[int]]


class PretrainedTokenizer:
    """The contracts by means of the library `tokenizers`."""

    @staticmethod
    def byte_to_unicode() -> list[str]:
        """Every byte that occurs in UTF-8 is asked for; the thirteen that never occur must represent themselves."""
        from tokenizers import pre_tokenizers

        level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        table = {byte: chr(byte) for byte in (0xC0, 0xC1, *range(0xF5, 0x100))}
        if not set(table.values()) <= set(pre_tokenizers.ByteLevel.alphabet()):
            raise ValueError("the library's alphabet lacks a byte")
        for code in (*range(0x800), *range(0x800, 0xD800, 64), *range(0xE000, 0x110000, 4096)):
            shown = level.pre_tokenize_str(chr(code))[0][0]
            table.update(zip(chr(code).encode(), shown, strict=True))
        return [table[byte] for byte in range(256)]

    @staticmethod
    def split_text(text: str, pattern: str) -> list[str]:
        """GPT-2's pattern is built in, and SmolLM's is that with `Digits` before it; the others run in its engine."""
        from tokenizers import Regex, pre_tokenizers

        if pattern in ("gpt2", "smollm"):
            steps: list[Any] = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
            if pattern == "smollm":
                steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
            found = pre_tokenizers.Sequence(steps).pre_tokenize_str(text)
            byte_of = {character: byte for byte, character in enumerate(byte_to_unicode())}
            return [bytes(byte_of[character] for character in piece).decode() for piece, _ in found]
        cut = pre_tokenizers.Split(Regex(PATTERNS[pattern].split), behavior="isolated")
        return [piece for piece, _ in cut.pre_tokenize_str(text)]

    @staticmethod
    def train_bpe(pieces: list[str], vocab_size: int) -> Merges:
        """Its trainer, one piece a word."""
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(pieces, trainer)
        id_of = {character: byte for byte, character in enumerate(byte_to_unicode())}
        merges = []
        for left, right in json.loads(tokenizer.to_str())["model"]["merges"]:
            merges.append([id_of[left], id_of[right]])
            id_of[left + right] = 255 + len(merges)
        return merges

    @staticmethod
    def encode_bpe(pieces: list[str], merges: Merges) -> list[int]:
        """Its encoder with our merges."""
        tokenizer = _published(merges)
        return [id for piece in pieces for id in tokenizer.encode(piece).ids]

    @staticmethod
    def decode_bpe(ids: list[int], merges: Merges) -> bytes:
        """Its table of tokens, character by character back to bytes."""
        tokenizer = _published(merges)
        byte_of = {character: byte for byte, character in enumerate(byte_to_unicode())}
        return bytes(byte_of[character] for id in ids for character in tokenizer.id_to_token(id))

    @staticmethod
    def merge_pair(word: list[int], pair: list[int], new: int) -> list[int]:
        """Its encoder with one merge, where every id is a character of its own."""
        from tokenizers import Tokenizer, models

        if not word:
            return []
        ids = {*word, *pair, new}
        name = {id: chr(0x4E00 + place) for place, id in enumerate(sorted(ids))}
        left, right = (name[id] for id in pair)
        made = left + right
        vocabulary = {character: id for id, character in name.items() if id != new or new in (*word, *pair)}
        made_id = max(vocabulary.values()) + 1
        vocabulary[made] = made_id
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[(left, right)]))
        found = tokenizer.encode("".join(name[id] for id in word)).ids
        return [new if id == made_id else id for id in found]

    @staticmethod
    def split_special(text: str, special_tokens: list[str]) -> list[list[Any]]:
        """Its search for added tokens; all between two of them is one unknown word with its place."""
        from tokenizers import Tokenizer, models

        tokenizer = Tokenizer(models.WordLevel(vocab={"?": 0}, unk_token="?"))  # noqa: S106 - no password
        tokenizer.add_special_tokens(special_tokens)
        found = tokenizer.encode(text)
        return [[text[start:end], id > 0] for id, (start, end) in zip(found.ids, found.offsets, strict=True)]

    @staticmethod
    def encode_chat(messages: list[list[str]]) -> tuple[list[int], list[int]]:
        """The layout as one text with its special tokens; what people write without them."""
        with_control, plain = _published([]), _published([])
        with_control.add_special_tokens(["<|im_start|>", "<|im_end|>"])
        ids, mask = [], []
        for role, content in messages:
            head, end = (with_control.encode(part).ids for part in (f"<|im_start|>{role}\n", "<|im_end|>\n"))
            said = plain.encode(content).ids
            ids += head + said + end
            mask += [0] * len(head) + [int(role == "assistant")] * (len(said) + 1) + [0]
        return ids, mask

    @staticmethod
    def round_trip(text: str, pattern: str, merges: Merges, special_tokens: list[str]) -> tuple[list[int], str]:
        """Its own pipeline from end to end."""
        from tokenizers import Regex, decoders, pre_tokenizers

        tokenizer = _published(merges)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(PATTERNS[pattern].split), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens(special_tokens)
        ids = tokenizer.encode(text).ids
        return ids, tokenizer.decode(ids, skip_special_tokens=False)


class Python:
    """What Python and NumPy do by themselves."""

    @staticmethod
    def count_pairs(words: list[list[int]]) -> list[list[int]]:
        """Sorted and counted by NumPy."""
        pairs = [np.stack([np.array(word[:-1]), np.array(word[1:])], axis=1) for word in words if len(word) > 1]
        if not pairs:
            return []
        found, counts = np.unique(np.concatenate(pairs), axis=0, return_counts=True)
        return [[*pair, count] for pair, count in zip(found.tolist(), counts.tolist(), strict=True)]

    @staticmethod
    def stream_decode(ids: list[int], merges: Merges) -> list[str]:
        """Python's decoder, from which the beginnings of characters are kept back, as its encoder makes them."""
        parts, held = [], b""
        for id in ids:
            held += decode_bpe([id], merges)
            waiting = next((length for length in (1, 2, 3) if held[-length:] in _beginnings()), 0)
            parts.append(held[: len(held) - waiting].decode("utf-8", "replace"))
            held = held[len(held) - waiting :]
        return [*parts, held.decode("utf-8", "replace")]


@cache
def _beginnings() -> frozenset[bytes]:
    """All that a character's bytes begin with; the last byte holds six bits, so one character of 64 is enough."""
    codes = (*range(0x80, 0xD800, 64), *range(0xE000, 0x110000, 64))
    return frozenset(chr(code).encode()[:length] for code in codes for length in range(1, len(chr(code).encode())))


def _published(merges: Merges) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokens = list(byte_to_unicode())
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    vocabulary = {token: id for id, token in enumerate(tokens)}
    pairs = [(tokens[left], tokens[right]) for left, right in merges]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizer


WITNESSES = (Witness("tokenizers", lambda: PretrainedTokenizer), Witness("Python", lambda: Python))
