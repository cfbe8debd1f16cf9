"""Large cases of encoding a chat."""

from __future__ import annotations

from itertools import cycle

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_tokenizer.spec.large.characters import of_every_category
from llm_tokenizer.spec.large.texts import chosen, prose, words, zipf

LARGE = LargeCases()
large = LARGE.of("tokenizer.encode_chat")


@large(clause=5, catches="a limit on the messages or on the length of one")
def many_messages(g: Generator) -> Inputs:
    """And one of 70,000 bytes."""
    said = zipf(g, ["", " ", "\n", "<|im_end|>", "<|im_start|>system\n", *words(g, 500)], 1_100)
    roles = chosen(g, ["system", "user", "user", "assistant", "assistant"], 1_100)
    messages = [*map(list, zip(roles, said, strict=True)), ["assistant", prose(g, 11_000)], ["user", "é"]]
    return {"messages": messages}


@large(clause=2, catches="content normalized, stripped of a kind of white space, cut at a null")
def content_of_every_kind(g: Generator) -> Inputs:
    """Characters of all kinds at both ends of a message, and within."""
    turns = zip(cycle(["user", "assistant"]), of_every_category(), strict=False)
    return {"messages": [[role, f"{character}{character}a{character}"] for role, character in turns]}


for _role in ("", "use", "assistant ", "User", "system user"):

    @large(name=f"the_role_{_role or 'empty'}", clause=6, catches="a role known by a part of it", raises="ValueError")
    def another_role(g: Generator, role: str = _role) -> Inputs:
        """Nearly one of the three."""
        return {"messages": [["user", "Hi!"], [role, "Hi!"]]}
