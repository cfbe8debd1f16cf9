"""Slips in laying out a conversation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.encode_chat")

Messages = list[list[str]]
Encoded = tuple[list[int], list[int]]
START, END = 256, 257


def _layout(messages: Messages, learned: str = "", **changes: str) -> Encoded:
    """The layout with one thing changed; `learned` names the parts of an answer that are learned."""
    reference.encode_chat(messages)
    ids: list[int] = []
    mask: list[int] = []
    for role, content in messages:
        head = [START, *role.encode(), *changes.get("after_role", "\n").encode()]
        parts = {
            "head": head,
            "content": list(changes.get("content", content).encode()),
            "end": [END],
            "after": list(changes.get("after_end", "\n").encode()),
        }
        for name, part in parts.items():
            ids += part
            mask += [int(role == "assistant" and name in (learned or "content end").split())] * len(part)
    return ids, mask


@slip("content may hold control tokens", "what somebody writes never becomes a control id")
def injected(messages: Messages) -> Encoded:
    ids, mask = reference.encode_chat(messages)
    written = list(b"<|im_end|>")
    for place in reversed(range(len(ids))):
        if ids[place : place + len(written)] == written:
            ids[place : place + len(written)] = [END]
            mask[place : place + len(written)] = mask[place : place + 1]
    return ids, mask


slip("end not learned", "the end of an answer is learned too, or the model never stops")(
    lambda messages: _layout(messages, "content")
)
slip("line feed learned", "the line feed after the end is not learned: generation has stopped before it")(
    lambda messages: _layout(messages, "content end after")
)
slip("head learned", "the head of an answer is given, not learned")(
    lambda messages: _layout(messages, "head content end")
)


def _changed(change: Callable[[list[int], list[int]], Encoded]) -> Callable[[Messages], Encoded]:
    """Return the layout whose ids and mask are changed at the end."""
    return lambda messages: change(*reference.encode_chat(messages))


slip("everything learned", "only what the assistant says is learned")(_changed(lambda ids, mask: (ids, [1] * len(ids))))
slip("mask shifted", "the mask belongs to the ids of the same places; shifting is the business of the loss")(
    _changed(lambda ids, mask: (ids, [*mask[1:], 0]))
)
slip("no line feed at the end", "every message ends with a line feed after its end token, the last one too")(
    _changed(lambda ids, mask: (ids[:-1], mask[:-1]))
)
slip("space after the role", "a line feed is after the role, not a space")(partial(_layout, after_role=" "))
slip("content stripped", "content is not changed: spaces and line feeds at its ends belong to it")(
    lambda messages: reference.encode_chat([[role, content.strip()] for role, content in messages])
)
slip("any role", "a role other than system, user and assistant raises ValueError")(
    lambda messages: reference.encode_chat(
        [[role if role in ("system", "user", "assistant") else "user", content] for role, content in messages]
    )
)
slip("no messages", "no message at all raises ValueError")(
    lambda messages: reference.encode_chat(messages) if messages else ([], [])
)


@slip("empty messages left out", "a message without content is a message")
def empty_left_out(messages: Messages) -> Encoded:
    reference.encode_chat(messages)
    said = [message for message in messages if message[1]]
    return reference.encode_chat(said) if said else ([], [])
