"""Somebody else's model, tokenizer, sampler and decode loop work here: only the Protocols bind them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from llm_generate import CategoricalSampler, SamplingSettings, generate, new_generator, stream_text
from llm_layers import LanguageModel
from llm_tokenizer import Tokenizer

WORDS = ["the ", "cat ", "sees ", "a ", "dog. ", "🐈 "]


class WordTokenizer:
    """Whole words; shares no code with ours."""

    @property
    def vocab_size(self) -> int:
        return len(WORDS)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        return {}

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        return [WORDS.index(word + " ") for word in text.split()]

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        return [self.encode(text) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(WORDS[id] for id in ids)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        return self.decode(ids).encode()

    def token_bytes(self, id: int) -> bytes:
        return WORDS[id].encode()


class WordList:
    """A cache that keeps the ids themselves."""

    def __init__(self) -> None:
        self.ids: list[int] = []

    @property
    def length(self) -> int:
        return len(self.ids)

    def truncate(self, length: int) -> None:
        del self.ids[length:]


class TrigramModel:
    """No neural network: the next word is the sum of the last two ids, with a few doubts."""

    vocab_size = len(WORDS)
    context_length = 12

    def new_cache(self) -> WordList:
        return WordList()

    def __call__(self, tokens: Tensor, cache: WordList | None = None) -> Tensor:
        cache = WordList() if cache is None else cache
        rows = []
        for id in tokens[0].tolist():
            cache.ids.append(id)
            row = torch.zeros(self.vocab_size)
            row[sum(cache.ids[-2:]) % self.vocab_size] = 4.0
            rows.append(row)
        return torch.stack(rows)[None]


def foreign_loop(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    *,
    sampler: object,
    max_tokens: int,
    stop_ids: Collection[int] = (),
    generator: torch.Generator | None = None,
) -> "Always":
    return Always(max_tokens)


class Always:
    """A decode loop that has made up its mind."""

    finish_reason = None

    def __init__(self, count: int) -> None:
        self.left = count

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self.left -= 1
        if self.left < 0:
            self.finish_reason = "length"
            raise StopIteration
        return 5


def test_a_foreign_model_and_a_foreign_tokenizer_write_text() -> None:
    model, tokenizer = TrigramModel(), WordTokenizer()
    assert isinstance(model, LanguageModel)
    assert isinstance(tokenizer, Tokenizer)
    greedy = CategoricalSampler(SamplingSettings(temperature=0))
    stream = stream_text(model, tokenizer, "cat sees", sampler=greedy, max_tokens=5)
    # 1 + 2 = 3, 2 + 3 = 5, 3 + 5 = 8 = 2, 5 + 2 = 7 = 1, 2 + 1 = 3
    assert list(stream) == ["a ", "🐈 ", "sees ", "cat ", "a "]
    assert stream.finish_reason == "length"
    assert list(generate(model, [1, 2], sampler=greedy, max_tokens=99)) == [3, 5, 2, 1, 3, 4, 1, 5, 0, 5]


def test_a_foreign_model_is_sampled_by_seed_and_stopped_by_strings() -> None:
    sampler = CategoricalSampler(SamplingSettings(temperature=2.0))
    streams = [
        stream_text(
            TrigramModel(), WordTokenizer(), "the", sampler=sampler, max_tokens=9, generator=new_generator(seed)
        )
        for seed in (4, 4)
    ]
    texts = ["".join(stream) for stream in streams]
    assert texts[0] == texts[1]
    greedy = CategoricalSampler(SamplingSettings(temperature=0))
    stream = stream_text(TrigramModel(), WordTokenizer(), "cat sees", sampler=greedy, max_tokens=9, stop=["sees c"])
    assert "".join(stream) == "a 🐈 "
    assert stream.finish_reason == "stop"


def test_a_foreign_sampler_and_a_foreign_loop_are_obeyed() -> None:
    def last(logits: Tensor, generator: torch.Generator | None) -> int:
        return len(logits) - 1

    assert list(generate(TrigramModel(), [0], sampler=last, max_tokens=3)) == [5, 5, 5]
    stream = stream_text(TrigramModel(), WordTokenizer(), "the", sampler=last, max_tokens=2, decode=foreign_loop)
    assert "".join(stream) == "🐈 🐈 "
    assert stream.finish_reason == "length"
