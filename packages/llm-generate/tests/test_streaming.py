"""Text out as it comes: never half a character, never a piece of a stop string."""

import itertools

import pytest
import torch
from torch import Tensor

from llm_generate import CategoricalSampler, GenerateError, SamplingSettings, StopStrings, TextStream, stream_text
from llm_generate.interface import Sampler
from llm_generate.streaming import encode_prompt
from llm_layers import Decoder
from llm_tokenizer import ByteTokenizer, CharacterTokenizer, Tokenizer, train_bpe

TEXTS = [
    "plain text\n",
    "ein Maß für Größe",
    "日本語の文章と中文",
    "family 👨‍👩‍👧‍👦 flag 🇫🇷 skin 👍🏽",
    "combining e\u0301 and zero\u0000byte",
]


class Scripted:
    """A sampler that writes a given text, whatever the model says."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = iter(ids)

    def __call__(self, logits: Tensor, generator: torch.Generator | None) -> int:
        return next(self.ids)


class Constant:
    """A model without opinions, and with room for everything."""

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = vocab_size
        self.context_length = 10_000

    def new_cache(self) -> None:
        return None

    def __call__(self, tokens: Tensor, cache: object = None) -> Tensor:
        return torch.zeros(*tokens.shape, self.vocab_size)


def written(tokenizer: Tokenizer, ids: list[int], stop: tuple[str, ...] = ()) -> TextStream:
    return stream_text(
        Constant(tokenizer.vocab_size), tokenizer, "p", sampler=Scripted(ids), max_tokens=max(len(ids), 1), stop=stop
    )


def tokenizers() -> list[Tokenizer]:
    return [ByteTokenizer(), train_bpe([*TEXTS, "p"], vocab_size=300), CharacterTokenizer("p" + "".join(TEXTS))]


def test_the_seed_in_the_settings_holds_with_any_decode_loop() -> None:
    class Loop:
        """A decode loop that knows nothing of settings: every number comes from the generator that it is given."""

        finish_reason = None

        def __init__(self, model: object, prompt: list[int], *, sampler: Sampler, generator: object, **rest: object):
            self.ids = iter([sampler(torch.zeros(256), generator) for _ in range(20)])

        def __iter__(self) -> "Loop":
            return self

        def __next__(self) -> int:
            return next(self.ids)

    def ids(sampler: CategoricalSampler, **more: object) -> list[int]:
        stream = stream_text(Constant(256), ByteTokenizer(), "p", sampler=sampler, max_tokens=20, **more)
        list(stream)
        return stream.token_ids

    seeded = [CategoricalSampler(SamplingSettings(seed=seed)) for seed in (1, 1, 2)]
    expected = ids(seeded[0])
    for more in ({}, {"decode": Loop}):
        assert ids(seeded[0], **more) == ids(seeded[0], **more) == ids(seeded[1], **more) == expected
        assert ids(seeded[2], **more) != expected


@pytest.mark.parametrize("tokenizer", tokenizers(), ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("text", TEXTS)
def test_joined_pieces_are_the_decoded_text(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    stream = written(tokenizer, ids)
    pieces = list(stream)
    assert "".join(pieces) == tokenizer.decode(ids) == text
    assert all(pieces), "no piece is empty"
    assert not any("\ufffd" in piece for piece in pieces), "no half character"
    assert stream.token_ids == ids
    assert stream.finish_reason == "length"


def test_text_comes_as_soon_as_a_character_is_whole() -> None:
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode("a😀b")
    assert list(written(tokenizer, ids)) == ["a", "😀", "b"]


@pytest.mark.parametrize("broken", [b"\xf0\x9f\x98", b"a\xffb", b"\xc3", b"\x80\x80", b"\xe6\x97a"])
def test_bytes_that_are_no_text_come_out_as_decode_gives_them(broken: bytes) -> None:
    tokenizer = ByteTokenizer()
    assert "".join(written(tokenizer, list(broken))) == tokenizer.decode(list(broken))


def reference_cut(text: str, stop: tuple[str, ...]) -> tuple[str, bool]:
    """The text up to the stop string that is complete first, and whether one was."""
    for end in range(1, len(text) + 1):
        found = [one for one in stop if text[:end].endswith(one)]
        if found:
            return text[: end - max(map(len, found))], True
    return text, False


CUTS = [
    ("one two three", ("two",)),
    ("one two three", ("o t", "two")),
    ("aaab", ("aab",)),
    ("abcabd", ("abd",)),
    ("a\nUser: hi", ("\nUser:",)),
    ("a\nUse", ("\nUser:",)),
    ("xabcd", ("abcde", "bc")),
    ("日本語", ("本",)),
    ("end", ("d",)),
    ("stop", ("stop",)),
    ("none", ("some", "other")),
]


@pytest.mark.parametrize(("text", "stop"), CUTS)
def test_a_stop_string_never_leaks_however_the_text_is_cut(text: str, stop: tuple[str, ...]) -> None:
    expected, found = reference_cut(text, stop)
    places = range(1, len(text))
    for cuts in itertools.chain.from_iterable(itertools.combinations(places, count) for count in range(4)):
        edges = [0, *cuts, len(text)]
        filter_ = StopStrings(stop)
        shown = ""
        for start, end in itertools.pairwise(edges):
            shown += filter_.feed(text[start:end])
            assert expected.startswith(shown), "what was shown cannot be taken back"
        shown += filter_.finish()
        assert (shown, filter_.found is not None) == (expected, found)


@pytest.mark.parametrize("tokenizer", tokenizers()[:2], ids=lambda one: type(one).__name__)
def test_a_stop_string_ends_the_stream(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("日本語の文章と中文")
    stream = written(tokenizer, ids, stop=("文章",))
    assert "".join(stream) == "日本語の"
    assert stream.finish_reason == "stop"
    assert len(stream.token_ids) < len(ids), "nothing is generated after it"


def test_held_back_text_is_let_through_at_the_end() -> None:
    tokenizer = ByteTokenizer()
    stream = written(tokenizer, tokenizer.encode("wait for it: \nUse"), stop=("\nUser:",))
    assert "".join(stream) == "wait for it: \nUse"
    assert stream.finish_reason == "length"


def test_a_stop_string_completed_by_the_end_counts_too() -> None:
    stream = written(ByteTokenizer(), [*b"a", 0xF0, 0x9F], stop=("\ufffd",))
    assert "".join(stream) == "a"
    assert stream.finish_reason == "stop"


def test_rows_that_no_token_belongs_to_are_never_drawn() -> None:
    from llm_generate import new_generator

    tokenizer = ByteTokenizer()
    padded = Constant(1024)  # equal logits for 1024 ids, 256 of them known
    sampler = CategoricalSampler(SamplingSettings())
    stream = stream_text(padded, tokenizer, "p", sampler=sampler, max_tokens=200, generator=new_generator(0))
    "".join(stream)
    assert max(stream.token_ids) < tokenizer.vocab_size


def test_an_empty_prompt_begins_with_the_models_own_token_or_is_refused(model: Decoder) -> None:
    tokenizer = ByteTokenizer()
    with pytest.raises(GenerateError, match="prompt is empty"):
        stream_text(model, tokenizer, "", sampler=Scripted([65]), max_tokens=1)
    stream = stream_text(model, tokenizer, "", sampler=Scripted([65]), max_tokens=1, start_ids=[10])
    assert list(stream) == ["A"]


def test_a_tokenizer_of_another_model_is_refused() -> None:
    with pytest.raises(GenerateError, match="256 ids and the model only 100"):
        stream_text(Constant(100), ByteTokenizer(), "p", sampler=Scripted([]), max_tokens=1)


@pytest.mark.parametrize(("stop", "message"), [([""], "empty string"), ("END", "list of strings")])
def test_senseless_stop_strings_are_refused(stop: list[str], message: str) -> None:
    with pytest.raises(GenerateError, match=message):
        stream_text(Constant(256), ByteTokenizer(), "p", sampler=Scripted([]), max_tokens=1, stop=stop)


class Beginning(ByteTokenizer):
    """A tokenizer whose file says that a begin-of-text token goes before every text."""

    bos_token_id, add_bos_token = 256, True


@pytest.mark.parametrize("prompt", ["ab", [97, 98], [256, 97, 98]])
def test_a_prompt_has_exactly_one_begin_token(prompt: str | list[int]) -> None:
    tokenizer = Beginning(["<s>"])
    assert encode_prompt(tokenizer, prompt) == [256, 97, 98]
    assert encode_prompt(tokenizer, "<s>") == [256, *b"<s>"], "in text its name is plain text"
    assert encode_prompt(tokenizer, "") == [256]
    assert encode_prompt(ByteTokenizer(["<s>"]), "ab") == [97, 98]


def test_the_begin_token_is_fed_to_the_model() -> None:
    read: list[int] = []

    class Recording(Constant):
        def __call__(self, tokens: Tensor, cache: object = None) -> Tensor:
            read.extend(tokens[0].tolist())
            return super().__call__(tokens, cache)

    tokenizer = Beginning(["<s>"])
    for prompt in ("ab", ""):
        read.clear()
        stream = stream_text(Recording(257), tokenizer, prompt, sampler=Scripted([65]), max_tokens=1, start_ids=[9])
        assert ("".join(stream), read) == ("A", [256, *prompt.encode()])
