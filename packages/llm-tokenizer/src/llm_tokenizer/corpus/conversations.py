"""Read conversations from files: JSON lines with the messages of one conversation each."""

from __future__ import annotations

from collections.abc import Iterator

from llm_tokenizer.chat import Message
from llm_tokenizer.corpus.documents import records
from llm_tokenizer.corpus.unicode_decoding import Errors, Source
from llm_tokenizer.interface import TokenizerError


def read_conversations(
    source: Source, *, field: str = "messages", errors: Errors = "strict"
) -> Iterator[list[Message]]:
    """Yield the conversations of a file, one for each line, to be encoded by `ChatML`.

        {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]}

    Why it works:
        Roles and texts stay apart from the file to the ids. Nowhere is a conversation one text, in which a message
        could pretend to be two.

    Raises:
        TokenizerError: A line is not such an object; the message names the file and the line.
    """
    for place, record in records(source, errors):
        messages = record.get(field) if isinstance(record, dict) else None
        if not isinstance(messages, list) or not messages:
            raise TokenizerError(f"{place} must have a list of messages in the field {field!r}, has {messages!r:.40}")
        try:
            conversation = [Message.from_mapping(message) for message in messages]
        except TokenizerError as error:
            raise TokenizerError(f"{place}: {error}") from None
        yield conversation
