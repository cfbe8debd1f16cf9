"""The decode loop: the cache changes no token, and every end has its reason."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from llm_generate import CategoricalSampler, GenerateError, Generation, SamplingSettings, generate, new_generator
from llm_generate import decoding as decoding_module
from llm_layers import Decoder

GREEDY = CategoricalSampler(SamplingSettings(temperature=0))
PROMPT = [72, 101, 108, 108, 111]


def uncached(model: Decoder, prompt: Sequence[int], count: int) -> list[int]:
    """The whole text read again for every token."""
    ids = list(prompt)
    for _ in range(count):
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return ids[len(prompt) :]


def test_cached_tokens_are_the_uncached_ones(model: Decoder) -> None:
    for start in range(5):
        prompt = [(7 * start + 31 * step) % 256 for step in range(start + 1)]
        expected = uncached(model, prompt, 40)
        assert list(generate(model, prompt, sampler=GREEDY, max_tokens=40)) == expected
        assert len(set(expected)) > 5, "a model that repeats itself would prove nothing"


def test_a_prompt_read_in_chunks_gives_the_same_tokens(model: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = list(range(30))
    expected = uncached(model, prompt, 12)
    for size in (1, 7, 30):
        monkeypatch.setattr(decoding_module, "PROMPT_CHUNK", size)
        assert list(generate(model, prompt, sampler=GREEDY, max_tokens=12)) == expected


def test_a_sampled_text_is_reproduced_by_its_seed(model: Decoder) -> None:
    sampler = CategoricalSampler(SamplingSettings(temperature=1.5))

    def ids(seed: int) -> list[int]:
        return list(generate(model, PROMPT, sampler=sampler, max_tokens=30, generator=new_generator(seed)))

    assert ids(1) == ids(1)
    assert ids(1) != ids(2)


def test_the_seed_in_the_settings_holds_for_every_request(model: Decoder) -> None:
    def request(sampler: CategoricalSampler, generator: torch.Generator | None = None) -> Generation:
        return generate(model, PROMPT, sampler=sampler, max_tokens=30, generator=generator)

    def seeded(seed: int | None) -> CategoricalSampler:
        return CategoricalSampler(SamplingSettings(temperature=1.5, seed=seed))

    sampler, expected = seeded(1), list(request(seeded(1)))
    assert list(request(sampler)) == expected
    torch.rand(3)
    assert list(request(sampler)) == expected, "a second request of the same sampler begins at the seed again"
    assert list(zip(request(sampler), request(sampler), strict=True)) == [(token, token) for token in expected]
    assert list(request(seeded(2))) != expected
    assert list(request(sampler, new_generator(2))) == list(request(seeded(2))), "a generator replaces the seed"
    torch.manual_seed(0)
    first = list(request(seeded(None)))
    torch.manual_seed(0)
    assert list(request(seeded(None))) != first


def test_two_generations_taken_in_turns_do_not_mix(model: Decoder) -> None:
    alone = list(generate(model, PROMPT, sampler=GREEDY, max_tokens=20))
    first = generate(model, PROMPT, sampler=GREEDY, max_tokens=20)
    second = generate(model, PROMPT, sampler=GREEDY, max_tokens=20)
    assert list(zip(first, second, strict=False)) == [(token, token) for token in alone]


def test_the_reason_is_length_after_max_tokens(model: Decoder) -> None:
    ids = generate(model, PROMPT, sampler=GREEDY, max_tokens=3)
    assert ids.finish_reason is None
    assert len(list(ids)) == 3
    assert ids.finish_reason == "length"
    assert list(ids) == []
    assert ids.finish_reason == "length"


def test_the_reason_is_stop_at_a_stop_id_which_is_not_returned(model: Decoder) -> None:
    expected = uncached(model, PROMPT, 10)
    stop = expected[5]
    ids = generate(model, PROMPT, sampler=GREEDY, max_tokens=10, stop_ids=[stop])
    assert list(ids) == expected[: expected.index(stop)]
    assert ids.finish_reason == "stop"


def test_the_reason_is_context_when_prompt_and_answer_fill_it(model: Decoder) -> None:
    ids = generate(model, PROMPT, sampler=GREEDY, max_tokens=1000)
    assert len(list(ids)) == model.context_length - len(PROMPT)
    assert ids.finish_reason == "context"
    exactly = generate(model, PROMPT, sampler=GREEDY, max_tokens=model.context_length - len(PROMPT))
    assert len(list(exactly)) == model.context_length - len(PROMPT)
    assert exactly.finish_reason == "length"


def test_a_token_is_made_only_when_it_is_asked_for(model: Decoder) -> None:
    calls = []

    def counting(logits: Tensor, generator: torch.Generator | None) -> int:
        calls.append(logits.shape)
        return 65

    ids = generate(model, PROMPT, sampler=counting, max_tokens=9)
    assert calls == []
    assert [next(ids), next(ids)] == [65, 65]
    assert calls == [(model.vocab_size,)] * 2


def test_the_callers_code_stays_outside_inference_mode(model: Decoder) -> None:
    for _ in generate(model, PROMPT, sampler=GREEDY, max_tokens=2):
        assert not torch.is_inference_mode_enabled()
        assert torch.ones(1, requires_grad=True).mul(2).requires_grad


@pytest.mark.parametrize(
    ("prompt", "max_tokens", "message"),
    [
        ([], 5, "prompt is empty"),
        ([1] * 48, 5, "48 tokens long, and must be shorter than the model's context of 48"),
        ([1] * 500, 5, "500 tokens long"),
        ([1, 257], 5, "the id 257, and the model knows only 0 to 256"),
        ([-1], 5, "the id -1"),
        ([1], 0, "max_tokens must be a whole number of at least 1, was 0"),
        ([1], 2.5, "max_tokens must be"),
    ],
)
def test_what_cannot_be_continued_is_refused_at_once(
    model: Decoder, prompt: list[int], max_tokens: int, message: str
) -> None:
    with pytest.raises(GenerateError, match=message):
        generate(model, prompt, sampler=GREEDY, max_tokens=max_tokens)
