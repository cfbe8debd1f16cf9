"""A conversation as ids and a mask, where every byte is a token: ChatML."""

START, END, LINE_BREAK = 256, 257, 10
ROLES = ("system", "user", "assistant")


def encode_chat(messages: list[list[str]]) -> tuple[list[int], list[int]]:
    """`<|im_start|>role`, a line break, the text, `<|im_end|>`, a line break; answers and their ends are learned."""
    if not messages:
        raise ValueError("messages: must hold at least one message")
    ids: list[int] = []
    mask: list[int] = []
    for role, content in messages:
        if role not in ROLES:
            raise ValueError(f"role: must be one of {', '.join(ROLES)}, was {role!r}")
        head = [START, *role.encode("utf-8"), LINE_BREAK]
        answer = [*content.encode("utf-8"), END]
        learned = 1 if role == "assistant" else 0
        ids += [*head, *answer, LINE_BREAK]
        mask += [0] * len(head) + [learned] * len(answer) + [0]
    return ids, mask
