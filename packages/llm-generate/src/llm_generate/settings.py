"""The sampling settings of one request; without torch, so that a bad value is reported at once."""

import math
from dataclasses import dataclass
from types import UnionType

from llm_generate.interface import GenerateError


@dataclass(frozen=True, kw_only=True)
class SamplingSettings:
    """How the next token is chosen.

    They are always applied in the order of the fields: the temperature, then the filters top-k and
    top-p. The order matters: top-p measures probability, and temperature changes probability.

    Args:
        temperature: 0 always takes the most likely token (greedy); 1 is the model's own distribution;
            below 1 is safer, above 1 is bolder.
        top_k: Only the `top_k` most likely tokens can be drawn; None allows all of them.
        top_p: Only the most likely tokens that together reach this probability can be drawn; 1 allows all.
        seed: Where the random numbers of a request begin: the same seed gives the same text every time, also from
            the same sampler again; None begins somewhere else every time. A `generator` in the call replaces it.

    Raises:
        GenerateError: A value is outside its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        check_temperature(self.temperature)
        check_top_p(self.top_p)
        if self.top_k is not None:
            check_top_k(self.top_k)
        if self.seed is not None and not (_is(int, self.seed) and 0 <= self.seed < 2**64):
            raise GenerateError(f"seed must be a whole number from 0 to 2^64 - 1, was {self.seed!r}.")


def check_temperature(temperature: float) -> None:
    """Raise unless it is a finite number of at least 0."""
    if not _is(int | float, temperature) or not 0 <= temperature < math.inf:
        raise GenerateError(
            f"temperature must be 0 or more, was {temperature!r}: "
            "0 always takes the most likely token, 1 is the model's own distribution."
        )


def check_top_k(k: int) -> None:
    """Raise unless it is a whole number of at least 1."""
    if not _is(int, k) or k < 1:
        raise GenerateError(
            f"top_k must be a whole number of at least 1, was {k!r}: "
            "the number of tokens that can be drawn; leave it out to allow all of them."
        )


def check_top_p(p: float) -> None:
    """Raise unless it is a number above 0 and at most 1."""
    if not _is(int | float, p) or not 0 < p <= 1:
        raise GenerateError(
            f"top_p must be above 0 and at most 1, was {p!r}: "
            "the total probability of the tokens that can be drawn; 1 allows every token."
        )


def check_max_tokens(max_tokens: int) -> None:
    """Raise unless it is a whole number of at least 1."""
    if not _is(int, max_tokens) or max_tokens < 1:
        raise GenerateError(f"max_tokens must be a whole number of at least 1, was {max_tokens!r}.")


def _is(kind: type | UnionType, value: object) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
