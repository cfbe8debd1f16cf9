"""Conversations: who says what, what is learned, and that nobody can speak as somebody else."""

import itertools
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import CONTROL, PIECES, published

from llm_tokenizer import (
    ByteTokenizer,
    ChatML,
    EncodedChat,
    Message,
    PretrainedTokenizer,
    SentencePieceTokenizer,
    TokenizerError,
    train_bpe,
)

BYTES = ByteTokenizer(CONTROL)
START, END = BYTES.special_tokens["<|im_start|>"], BYTES.special_tokens["<|im_end|>"]
LAYOUT = "<|im_start|>system\nuser<|im_end|>assistant\n"
TRAINED = train_bpe([LAYOUT.replace("|", "| ") * 9], vocab_size=270, special_tokens=CONTROL)
FRAGMENTS = [
    *CONTROL, "<|", "|>", "<", "|", ">", "im_start", "im_", "start", "end", "<|im_", "_start|>", "<|im_start",
    "\n", " ",
    "system\n", "user", "assistant", "\u200b", "\u0301", "\ufeff", "\0", "\u202e", "＜", "｜", "＞", "猫", "👩‍💻",
    "\r\n",
    "&lt;|im_end|&gt;", "\\u003c|im_end|>", "<\u0338|im_end|>", "</s>", "[/INST]", "<|eot_id|>",
]  # fmt: skip


def user(content):
    return Message(role="user", content=content)


def test_a_conversation_is_laid_out_and_masked():
    chat = ChatML(BYTES).encode(
        [
            Message(role="system", content="S"),
            Message.from_mapping({"role": "user", "content": "Hi"}),
            Message(role="assistant", content="Yo!"),
        ]
    )
    assert isinstance(chat, EncodedChat)
    assert BYTES.decode(chat.ids) == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo!<|im_end|>\n"
    )
    learned = [id for id, one in zip(chat.ids, chat.mask, strict=True) if one]
    assert learned == [*b"Yo!", END]
    assert chat.mask[-5:] == [1, 1, 1, 1, 0]


def test_the_prompt_ends_where_the_answer_begins():
    chat = ChatML(BYTES)
    messages = [user("Hi")]
    answer = Message(role="assistant", content="Yo")
    prompt = chat.prompt(messages)
    whole = chat.encode([*messages, answer])
    assert whole.ids[: len(prompt)] == prompt
    assert whole.mask[: len(prompt)] == [0] * len(prompt)
    assert whole.ids[len(prompt) :] == [*b"Yo", END, *b"\n"]
    assert chat.stop_ids == (END,)


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
def test_sentencepiece_puts_its_space_only_where_it_does_in_one_text(scheme):
    size = len(PIECES)
    tokenizer = SentencePieceTokenizer(
        {text: id for id, (text, _, kind) in enumerate(PIECES) if kind == 1},
        range(3, 259),
        scores={text: score for text, score, kind in PIECES if kind == 1},
        special_tokens={"<|im_start|>": size, "<|im_end|>": size + 1},
        prepend_scheme=scheme,
    )
    chat = ChatML(tokenizer).encode([user("the cat"), Message(role="assistant", content=" at<|im_end|>")])
    said = "<|im_start|>user\nthe cat<|im_end|>\n<|im_start|>assistant\n at<|im_end|><|im_end|>\n"
    assert tokenizer.decode(chat.ids) == said
    plain = "<|im_start|>user\nthe cat<|im_end|>\n"  # in which nothing merges across the line break
    whole = tokenizer.encode(plain, allowed_special="all")
    assert chat.ids[: len(whole)] == whole


def test_mistakes_are_named():
    chat = ChatML(BYTES)
    for call, message in (
        (lambda: ChatML(ByteTokenizer(["<|im_end|>"])), r"lacks <\|im_start\|>; train one with"),
        (lambda: chat.encode([]), "messages: must hold at least one message"),
        (lambda: chat.encode([{"role": "user"}]), "messages: must be made of Message objects"),
        (lambda: chat.encode(user("Hi")), r"messages: must be a list of messages, was Message\("),
        (lambda: Message(role="root", content=""), "role: must be one of system, user, assistant, was 'root'"),
        (lambda: Message(role="user", content=5), "content: must be a string, was int"),
        (lambda: user("\ud800"), r"content: character 0 is U\+D800, half of a surrogate pair"),
        (lambda: Message.from_mapping({"role": "user", "content": "", "name": "x"}), "message: must be an object with"),
        (lambda: Message.from_mapping("user"), "message: must be an object with"),
    ):
        with pytest.raises(TokenizerError, match=message):
            call()


def hostile_texts(count):
    dice = random.Random(2026)
    for _ in range(count):
        yield "".join(dice.choices(FRAGMENTS, k=dice.randint(1, 9)))


@pytest.mark.parametrize("tokenizer", [TRAINED, published()], ids=["trained", "published"])
def test_a_hundred_thousand_hostile_texts_give_no_control_id(tokenizer):
    chat = ChatML(tokenizer)
    control = set(tokenizer.special_tokens.values())
    layout = [tokenizer.special_tokens["<|im_start|>"], tokenizer.special_tokens["<|im_end|>"]]
    began = time.monotonic()
    for batch in batches(50_000):
        encoded = chat.encode(map(user, batch))
        assert [id for id in encoded.ids if id in control] == layout * len(batch)
        assert not any(encoded.mask)
        assert tokenizer.decode(encoded.ids) == "".join(f"<|im_start|>user\n{text}<|im_end|>\n" for text in batch)
    assert time.monotonic() - began < 60


def batches(count):
    texts = hostile_texts(count)
    while batch := list(itertools.islice(texts, 50)):
        yield batch


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=6), max_size=12).map("".join), st.data())
def test_no_text_ever_gives_a_control_id(text, data):
    role = data.draw(st.sampled_from(["system", "user", "assistant"]))
    chat = ChatML(TRAINED).encode([Message(role=role, content=text)])
    control = set(TRAINED.special_tokens.values())
    assert [place for place, id in enumerate(chat.ids) if id in control] == [0, len(chat.ids) - 2]
    assert sum(chat.mask) == (len(TRAINED.encode(text)) + 1 if role == "assistant" else 0)


def test_special_tokens_can_be_allowed_or_plain():
    assert BYTES.encode("a<|im_end|>", allowed_special="all") == [97, END]
    assert BYTES.encode("a<|im_end|>", allowed_special=BYTES.special_tokens) == [97, END]
    assert ByteTokenizer().encode("a<|im_end|>", allowed_special="all") == list(b"a<|im_end|>")
    with pytest.raises(TokenizerError, match="special_tokens: 'y' must have an id of its own"):
        PretrainedTokenizer({0: b"a"}, [], pattern="gpt2", special_tokens={"x": 1, "y": 1})
