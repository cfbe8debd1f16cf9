"""Encode a conversation as ids, with a mask that says which of them are to be learned.

The usual way writes the conversation as one text, control words and all, and encodes that. Whoever types `<|im_end|>`
into such a chat ends their own message and continues as somebody else. Here control ids never pass through text: they
are put between the messages by this module, and what people write is encoded with no special token allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from llm_tokenizer.interface import Tokenizer, TokenizerError, require_choice, require_str
from llm_tokenizer.special import utf8

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = get_args(Role)
START, END = "<|im_start|>", "<|im_end|>"


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str

    def __post_init__(self) -> None:
        require_choice("role", self.role, ROLES)
        utf8(require_str(self.content, "content"), what="content")

    @classmethod
    def from_mapping(cls, message: Mapping[str, Any]) -> Message:
        """Return a message from JSON: `{"role": "user", "content": "Hello"}`."""
        if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
            raise TokenizerError(f"message: must be an object with role and content alone, was {message!r:.80}")
        return cls(role=message["role"], content=message["content"])


@dataclass(frozen=True, kw_only=True)
class EncodedChat:
    """The ids of a conversation; `mask` is 1 where an id is to be learned and 0 where it is only read."""

    ids: list[int]
    mask: list[int]


class ChatML:
    """The layout ChatML, with which Qwen, SmolLM2 and many others were tuned.

        <|im_start|>user⏎Hello<|im_end|>⏎<|im_start|>assistant⏎Hi!<|im_end|>⏎

    Why it works:
        To a model a conversation is one sequence of ids, and the two control ids say who speaks and where a turn ends.
        Only the assistant's words and the end of its turns are learned: the model should answer people, not imitate
        them, and it must learn to stop. The line break after an end is read only, since sampling has stopped there.

    The head of a message and its text are encoded apart, so that what somebody writes cannot change the head. If a
    text begins with white space, a layout made as one text may have merged that with the line break before it. Where
    SentencePiece puts a space after each special token (`prepend_scheme="always"`), it does so here, and nowhere else.

    Args:
        tokenizer: One with the special tokens `<|im_start|>` and `<|im_end|>`.

    Spec: tokenizer.encode_chat
    Source: OpenAI, ChatML; Qwen team 2024, Qwen2 Technical Report.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        missing = [name for name in (START, END) if name not in tokenizer.special_tokens]
        if missing:
            raise TokenizerError(
                f"tokenizer: must have the special tokens {START} and {END}, lacks {' and '.join(missing)}; "
                "train one with special_tokens=[…] or use another layout"
            )
        self._encode_continued = getattr(tokenizer, "encode_continued", tokenizer.encode)
        self._end, *self._line_break = tokenizer.encode(f"{END}\n", allowed_special=[END])
        self._heads = {role: tokenizer.encode(f"{START}{role}\n", allowed_special=[START]) for role in ROLES}

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """The ids that end an answer."""
        return (self._end,)

    def encode(self, messages: Iterable[Message]) -> EncodedChat:
        """Return the ids and the mask of a whole conversation, for training.

        Returns:
            The chat; `mask[i]` belongs to `ids[i]` as something to be predicted, not as something to predict from.

        Raises:
            TokenizerError: There is no message, or an item is not a Message.
        """
        if not isinstance(messages, Iterable):
            raise TokenizerError(f"messages: must be a list of messages, was {messages!r:.40}")
        ids: list[int] = []
        mask: list[int] = []
        for message in messages:
            for part, learned in self._parts(message):
                ids += part
                mask += [int(learned)] * len(part)
        if not ids:
            raise TokenizerError("messages: must hold at least one message, held none")
        return EncodedChat(ids=ids, mask=mask)

    def prompt(self, messages: Iterable[Message]) -> list[int]:
        """Return the ids of a conversation so far and the head of the assistant's answer, which is to be generated."""
        return [*self.encode(messages).ids, *self._heads["assistant"]]

    def _parts(self, message: Message) -> Iterator[tuple[list[int], bool]]:
        """Yield the four parts of a message, and whether each is to be learned."""
        if not isinstance(message, Message):
            raise TokenizerError(f"messages: must be made of Message objects, one was {message!r:.80}")
        answers = message.role == "assistant"
        yield self._heads[message.role], False
        yield self._encode_continued(message.content), answers
        yield [self._end], answers
        yield self._line_break, False
