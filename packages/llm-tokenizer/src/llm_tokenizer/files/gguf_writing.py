"""Write a vocabulary as GGUF holds it, so that llama.cpp encodes any text as our ids.

    tokenizer.ggml.model     "gpt2": bytes, shown as printable characters; "llama": SentencePiece
    tokenizer.ggml.pre       by which of the known patterns a text is split
    tokenizer.ggml.tokens    the texts of all ids, without a gap
    tokenizer.ggml.token_type    of each: normal, control, …
    tokenizer.ggml.merges    pairs of texts, the one to be merged first at the front

`gguf_reading.py` reads it back. What the format cannot say exactly is refused, with one exception: that a text is
brought to NFC first, as with Qwen, is left out, since llama.cpp encodes such models without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llm_tokenizer.bpe.byte_unicode import to_printable
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.sentencepiece import SentencePieceTokenizer
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.byte import BYTES, ByteTokenizer
from llm_tokenizer.files.gguf_reading import IGNORE_MERGES, PATTERN_OF
from llm_tokenizer.files.huggingface_writing import END_OF_TEXT
from llm_tokenizer.files.sentencepiece import CONTROL, NORMAL, UNKNOWN_TOKEN, UNUSED, USER_DEFINED, to_pieces
from llm_tokenizer.interface import Tokenizer, TokenizerError

PRE_OF = {pattern: pre for pre, pattern in PATTERN_OF.items()}
ENDS = ("eos", "eot", "eom")  # end of a text, of a turn and of a message: the format has three places
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class GgufVocabulary:
    """What a file says beside the vocabulary; None takes what the tokenizer knows.

    Args:
        bos_token_id: The id that begins a text.
        eos_token_id: The id, or up to three ids, at which a text ends; without one in the tokenizer `<|endoftext|>`.
        pad_token_id: The id that fills up short texts.
        add_bos_token: Whether a reader is to put `bos_token_id` before every text.
        chat_template: A conversation as text, in Jinja; `CHATML` is that of `llm_tokenizer.ChatML`.
    """

    bos_token_id: int | None = None
    eos_token_id: int | Sequence[int] | None = None
    pad_token_id: int | None = None
    add_bos_token: bool | None = None
    chat_template: str | None = None


def no_vocabulary() -> dict[str, Any]:
    """Return the entries of a file that only takes ids."""
    return {"tokenizer.ggml.model": "none"}


def vocabulary_entries(tokenizer: Tokenizer, size: int, vocabulary: GgufVocabulary) -> dict[str, Any]:
    """Return the entries of the metadata that hold a tokenizer.

    Args:
        tokenizer: One of this package, except by characters.
        size: How many ids the model has; those without a token get one that no text leads to.
        vocabulary: What the file says beside it.

    Raises:
        TokenizerError: The tokenizer does something that the format cannot say, other than NFC (see above).
    """
    if tokenizer.vocab_size > size:
        raise TokenizerError(
            f"tokenizer: must have at most {size} ids, as many as the model, but has {tokenizer.vocab_size}; "
            "use the tokenizer with which the model was trained"
        )
    if isinstance(tokenizer, SentencePieceTokenizer):
        entries = _sentencepiece(tokenizer, size)
    elif isinstance(tokenizer, (BytePairTokenizer, PretrainedTokenizer, ByteTokenizer)):
        entries = _byte_level(tokenizer, size)
    else:
        raise TokenizerError(
            "tokenizer: must be a BytePairTokenizer, PretrainedTokenizer, SentencePieceTokenizer or ByteTokenizer, "
            f"was {type(tokenizer).__name__}, which GGUF cannot hold; write a model folder instead, or no tokenizer"
        )
    return entries | _ids(tokenizer, size, vocabulary)


def _byte_level(tokenizer: BytePairTokenizer | PretrainedTokenizer | ByteTokenizer, size: int) -> dict[str, Any]:
    tokens, merges, pre = (dict(enumerate(BYTES)), tuple[Pair, ...](), "gpt-2")  # without merges no pattern matters
    if not isinstance(tokenizer, ByteTokenizer):
        tokens, merges, pre = dict(tokenizer.tokens), tokenizer.merges, _pre(tokenizer)
    printable = {id: to_printable(token) for id, token in tokens.items()}
    visible = tokenizer.visible_tokens if isinstance(tokenizer, PretrainedTokenizer) else frozenset()
    kinds = dict.fromkeys(printable, NORMAL)
    texts = dict(printable)
    for name, id in tokenizer.special_tokens.items():
        texts[id], kinds[id] = name, USER_DEFINED if name in visible else CONTROL
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        **_rows(texts, kinds, size),
        "tokenizer.ggml.merges": [f"{printable[left]} {printable[right]}" for left, right in merges],
    }


def _sentencepiece(tokenizer: SentencePieceTokenizer, size: int) -> dict[str, Any]:
    pieces = dict(to_pieces(tokenizer))
    rows = _rows({id: piece.text for id, piece in pieces.items()}, {id: p.kind for id, p in pieces.items()}, size)
    unknown = tokenizer.special_tokens.get(UNKNOWN_TOKEN)
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        **rows,
        "tokenizer.ggml.scores": [pieces[id].score if id in pieces else 0.0 for id in range(size)],
        "tokenizer.ggml.add_space_prefix": tokenizer.prepend_scheme == "always",
        **({} if unknown is None else {"tokenizer.ggml.unknown_token_id": unknown}),
    }


def _rows(texts: dict[int, str], kinds: dict[int, int], size: int) -> dict[str, Any]:
    """Return texts and kinds of all ids from 0 on; the format identifies tokens by their texts: no two may be equal."""
    rows = [texts.get(id, f"[PAD{id}]") for id in range(size)]
    if len(set(rows)) < size:
        twice = next(text for place, text in enumerate(rows) if text in rows[:place])
        raise TokenizerError(
            f"tokenizer: each id must have a text of its own in a GGUF file, but two have {twice!r}; "
            "rename the special token"
        )
    return {"tokenizer.ggml.tokens": rows, "tokenizer.ggml.token_type": [kinds.get(id, UNUSED) for id in range(size)]}


def _pre(tokenizer: BytePairTokenizer | PretrainedTokenizer) -> str:
    """Return the format's name for the pattern, once it is known that it says all that this tokenizer does but NFC."""
    if tokenizer.pattern not in PRE_OF:
        raise TokenizerError(
            f"tokenizer: its pattern must be one of {', '.join(PRE_OF)}, which llama.cpp follows exactly, "
            f"was {tokenizer.pattern!r}; train one with such a pattern, or write a model folder instead"
        )
    pre = PRE_OF[tokenizer.pattern]
    if tokenizer.normalization not in (None, "NFC"):
        raise TokenizerError(
            f"tokenizer: must not change a text, was one with {tokenizer.normalization}; normalize texts first "
            "and make it without"
        )
    # Where merging leads to every token, it makes no difference whether whole pre-tokens are looked up first.
    if (pre in IGNORE_MERGES) != tokenizer.ignore_merges and (token := tokenizer.unreachable_token()) is not None:
        raise TokenizerError(
            f"tokenizer: its merges must lead to every token for this pattern in a GGUF file, but not to {token!r}; "
            "save it as tokenizer.json"
        )
    return pre


def _ids(tokenizer: Tokenizer, size: int, vocabulary: GgufVocabulary) -> dict[str, Any]:
    def chosen(name: str) -> Any:
        own = getattr(vocabulary, name)
        return getattr(tokenizer, name, None) if own is None else own

    ends, begin, add_bos = chosen("eos_token_id"), chosen("bos_token_id"), bool(chosen("add_bos_token"))
    if ends is None:
        ends = tokenizer.special_tokens.get(END_OF_TEXT)
    if ends is None:
        raise TokenizerError(
            f"eos_token_id: must be given for a tokenizer without {END_OF_TEXT}, was None; a reader would take an "
            "ordinary token for the end of a text. Beside a model, generation_config.json is the place to name it"
        )
    ends = [ends] if isinstance(ends, int) else list(ends)
    if not 1 <= len(ends) <= len(ENDS):
        raise TokenizerError(f"eos_token_id: must be 1 to {len(ENDS)} ids, were {len(ends)}; keep the most important")
    named: dict[str, int | None] = dict(zip(ENDS, ends, strict=False))
    named |= {"bos": begin, "padding": vocabulary.pad_token_id}
    for name, id in named.items():
        if id is not None and not (type(id) is int and 0 <= id < size):
            raise TokenizerError(f"{name}_token_id: must be an id from 0 to {size - 1}, was {id!r}")
    if add_bos and begin is None:
        raise TokenizerError("add_bos_token: must be False where there is no bos_token_id, was True")
    template = vocabulary.chat_template
    return {
        **{f"tokenizer.ggml.{name}_token_id": id for name, id in named.items() if id is not None},
        "tokenizer.ggml.add_bos_token": add_bos,
        "tokenizer.ggml.add_eos_token": getattr(tokenizer, "add_eos_token", False),
        **({} if template is None else {"tokenizer.chat_template": template}),
    }
