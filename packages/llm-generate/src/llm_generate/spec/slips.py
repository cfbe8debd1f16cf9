"""Slips: mistakes that people really make, each a small wrong implementation; every one must fail a case."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from llm_generate.reference import temperature as right_temperature
from llm_generate.reference import temperature_backward as right_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("generate.temperature")

_INF = math.inf

Filter = Callable[[Tensor, Any], Tensor]


def _refusing(valid: Callable[[Any], bool]) -> Callable[[Filter], Filter]:
    """Refuse settings that are not valid."""

    def checked(rule: Filter) -> Filter:
        def filtered(logits: Tensor, setting: Any) -> Tensor:
            if not valid(setting):
                raise ValueError("out of range")
            return rule(logits, setting)

        return filtered

    return checked


def _greedy(logits: Tensor) -> Tensor:
    return torch.zeros_like(logits).scatter(-1, logits.argmax(dim=-1, keepdim=True), 1.0)


def _softmax(logits: Tensor, temperature: float) -> Tensor:
    """The right answer, for slips that go wrong elsewhere."""
    if temperature < 0:
        raise ValueError("below 0")
    return _greedy(logits) if temperature == 0 else torch.softmax(logits / temperature, dim=-1)


def _rescaled(weights: Tensor) -> Tensor:
    return weights / weights.sum(dim=-1, keepdim=True)


slip("temperature multiplied", "the logits are multiplied by the temperature; divide, so that below 1 is sharper")(
    lambda logits, temperature: torch.softmax(logits * temperature, dim=-1)
)
slip("temperature after the softmax", "probabilities divided by T and rescaled are unchanged; divide the logits")(
    lambda logits, temperature: _rescaled(torch.softmax(logits, dim=-1) / temperature)
)
slip("probabilities not rescaled", "after the power 1/T the probabilities must be divided by their sum")(
    lambda logits, temperature: torch.softmax(logits, dim=-1) ** (1 / temperature)
)
slip("temperature ignored", "the temperature has no effect")(lambda logits, temperature: torch.softmax(logits, dim=-1))
slip("softmax over the first axis", "the softmax runs over the rows; the vocabulary is the last axis")(
    lambda logits, temperature: torch.softmax(logits / temperature, dim=0)
)
slip("largest logit not subtracted", "exp overflows for large logits; subtract the row's largest first")(
    lambda logits, temperature: _rescaled(torch.exp(logits / temperature)) if temperature else _greedy(logits)
)
slip("largest logit of the batch subtracted", "subtract each row's own largest logit, not the batch's")(
    lambda logits, temperature: (
        _rescaled(torch.exp((logits - logits.max()) / temperature)) if temperature else _greedy(logits)
    )
)
slip("log-probabilities", "the logarithms came back; a draw needs the probabilities themselves")(
    lambda logits, temperature: torch.log_softmax(logits / temperature, dim=-1)
)
slip("division by zero", "temperature 0 needs a branch of its own: greedy")(
    _refusing(lambda temperature: temperature >= 0)(
        lambda logits, temperature: torch.softmax(logits / temperature, dim=-1)
    )
)
slip("zero read as not given", "`temperature or 1.0` turns 0 into 1; test for None instead")(
    lambda logits, temperature: _softmax(logits, temperature or 1.0)
)
slip("greedy ties to the highest id", "at temperature 0 the lowest id among equals takes all")(
    lambda logits, temperature: _greedy(logits.flip(-1)).flip(-1) if temperature == 0 else _softmax(logits, temperature)
)
slip("filtered tokens come back", "-inf means taken out; it was replaced by an ordinary score")(
    lambda logits, temperature: _softmax(torch.nan_to_num(logits, neginf=0.0), temperature)
)
slip("negative temperature accepted", "below 0 the least likely token becomes the likeliest; refuse it")(
    lambda logits, temperature: _greedy(logits) if temperature == 0 else torch.softmax(logits / temperature, dim=-1)
)
slip("gradient without 1/T", "the logits were divided by T, so the gradient must be too", backward=True)(
    lambda upstream, logits, temperature: right_backward(upstream, logits, temperature) * (temperature or 1.0)
)


def _gradient(mean: Callable[[Any, Any], Any]) -> Callable[[Any, Any, float], Any]:
    """Return p (dp - mean) / T with another mean of dp."""

    def backward(upstream: Any, logits: Any, temperature: float) -> Any:
        p = right_temperature(logits, temperature)
        return p * (upstream - mean(p, upstream)) / temperature

    return backward


slip("softmax gradient without the mean", "p dp leaves out that all others shrink when one grows", backward=True)(
    _gradient(lambda p, dp: 0.0)
)
slip("plain mean in the gradient", "the mean of dp must be weighted with the probabilities", backward=True)(
    _gradient(lambda p, dp: dp.mean(axis=-1, keepdims=True))
)


slip = SLIPS.of("generate.top_k")


def _kept(logits: Tensor, kept: Tensor, out: float = -_INF) -> Tensor:
    return logits.masked_fill(~kept, out)


def _rank(logits: Tensor) -> Tensor:
    """Return 0 for the largest of each row, 1 for the next; the lower id first among equals."""
    return logits.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)


_top_k = _refusing(lambda k: k >= 1)


def _smallest(logits: Tensor, k: int) -> Tensor:
    """Return the k-th largest logit of each row."""
    return logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]


slip("ties with the k-th all kept", "`logits < threshold` keeps every logit that equals the k-th: more than k")(
    _top_k(lambda logits, k: _kept(logits, logits >= _smallest(logits, k)))
)
slip("strictly above the k-th", "`logits > threshold` drops the k-th itself")(
    _top_k(lambda logits, k: _kept(logits, logits > _smallest(logits, k)))
)
slip("zeros instead of -inf", "a logit of 0 is an ordinary score; a token is taken out with -inf")(
    _top_k(lambda logits, k: _kept(logits, _rank(logits) < k, out=0.0))
)
slip("a large negative number instead of -inf", "a logit can be lower than -1e9; use -inf")(
    _top_k(lambda logits, k: _kept(logits, _rank(logits) < k, out=-1e9))
)
slip("the smallest kept", "the sort is ascending, so the k least likely tokens are kept")(
    _top_k(lambda logits, k: _kept(logits, _rank(-logits) < k))
)
slip("ties to the highest id", "among equal logits the lower ids stay")(
    _top_k(lambda logits, k: _kept(logits, _rank(logits.flip(-1)).flip(-1) < k))
)
slip("sorted order not undone", "the kept logits are returned sorted; they must stay at their ids")(
    _top_k(lambda logits, k: _kept(logits.sort(-1, descending=True).values, torch.arange(logits.shape[-1]) < k))
)
slip("k over the whole batch", "each row keeps its own k largest")(
    _top_k(lambda logits, k: _kept(logits, (_rank(logits.flatten()) < k).reshape(logits.shape)))
)
slip("threshold of the first row", "each row has its own k-th logit")(
    _top_k(lambda logits, k: _kept(logits, logits >= _smallest(logits.reshape(-1, logits.shape[-1])[0], k)))
)
slip("k larger than the vocabulary", "topk raises when k exceeds the vocabulary; take the smaller of the two")(
    _top_k(lambda logits, k: torch.full_like(logits, -_INF).scatter(-1, *reversed(logits.topk(k, dim=-1))))
)
slip("ranked by probability", "far down, probabilities underflow to equal zeros; compare the logits")(
    _top_k(lambda logits, k: _kept(logits, _rank(torch.softmax(logits, dim=-1)) < k))
)
slip("probabilities returned", "logits are returned, not probabilities")(
    _top_k(lambda logits, k: torch.softmax(_kept(logits, _rank(logits) < k), dim=-1))
)
slip("zero means off", "k = 0 silently switches the filter off; refuse it")(
    _refusing(lambda k: k >= 0)(lambda logits, k: logits if k == 0 else _kept(logits, _rank(logits) < k))
)


slip = SLIPS.of("generate.top_p")

_top_p = _refusing(lambda p: 0 < p <= 1)


def _first(likely: Tensor, p: float) -> Tensor:
    """Return which tokens stay in the order in which they are given: those whose sum before them is below p."""
    return likely.cumsum(dim=-1) - likely < p - 1e-6


def _nucleus(
    logits: Tensor, p: float, out: float = -_INF, greatest_first: bool = True,
    softmax: Callable[..., Tensor] = torch.softmax, keep: Callable[[Tensor, float], Tensor] = _first,
) -> Tensor:  # fmt: skip
    """Return the right answer with a choice of what to get wrong."""
    if p == 1:
        return logits
    order = logits.argsort(dim=-1, descending=greatest_first, stable=True)
    likely = softmax(logits, dim=-1).gather(-1, order)
    return _kept(logits, torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, keep(likely, p)), out)


slip("crossing token dropped", "the token that carries the sum across p must stay: the kept ones hold at least p")(
    _top_p(lambda logits, p: _nucleus(logits, p, keep=lambda likely, p: likely.cumsum(dim=-1) <= p + 1e-6))
)
slip("one too many at exactly p", "a sum of exactly p is enough: keep while the sum before is below p, not at it")(
    _top_p(lambda logits, p: _nucleus(logits, p if p == 1 else p + 2e-6))
)
slip("probabilities compared with p", "p bounds the sum of the kept tokens, not each one's probability")(
    _top_p(lambda logits, p: logits if p == 1 else _kept(logits, torch.softmax(logits, dim=-1) >= p))
)
slip("zeros instead of -inf", "a logit of 0 is an ordinary score; a token is taken out with -inf")(
    _top_p(lambda logits, p: _nucleus(logits, p, out=0.0))
)
slip("least likely first", "the sort is ascending, so the tail is kept")(
    _top_p(lambda logits, p: _nucleus(logits, p, greatest_first=False))
)
slip("over all rows together", "each row has its own p")(
    _top_p(lambda logits, p: _nucleus(logits.flatten(), p).reshape(logits.shape))
)
slip("tail lost at p = 1", "the sum rounds to 1 before the last token; p = 1 must return every logit")(
    _top_p(lambda logits, p: _nucleus(logits, min(p, 1 - 1e-12)))
)
slip("ties to the highest id", "among equal probabilities the lower ids are taken first")(
    _top_p(lambda logits, p: _nucleus(logits.flip(-1), p).flip(-1))
)
slip("exponentials that overflow", "subtract the row's largest logit before exp")(
    _top_p(lambda logits, p: _nucleus(logits, p, softmax=lambda logits, dim: _rescaled(torch.exp(logits))))
)
slip("probabilities returned", "logits are returned, not probabilities")(
    _top_p(lambda logits, p: torch.softmax(_nucleus(logits, p), dim=-1))
)


@slip("min-p", "probabilities are compared with p times the largest; that filter is called min-p")
@_top_p
def minimum(logits: Tensor, p: float) -> Tensor:
    likely = torch.softmax(logits, dim=-1)
    return _kept(logits, likely >= p * likely.max(dim=-1, keepdim=True).values)


slip("running sum over unsorted tokens", "sort by falling probability before summing")(
    _top_p(lambda logits, p: logits if p == 1 else _kept(logits, _first(torch.softmax(logits, dim=-1), p)))
)
slip("sorted order not undone", "the mask is in sorted order; scatter it back to the ids before it is used")(
    _top_p(
        lambda logits, p: (
            logits
            if p == 1
            else _kept(logits, _first(torch.softmax(logits, dim=-1).sort(dim=-1, descending=True).values, p))
        )
    )
)


@slip("ties all kept", "tokens as likely as the last kept one are kept too, which is more than needed")
@_top_p
def equals_kept(logits: Tensor, p: float) -> Tensor:
    kept = _nucleus(logits, p)
    return _kept(logits, logits >= kept.masked_fill(kept == -_INF, _INF).min(dim=-1, keepdim=True).values)


slip("p not checked below", "p = 0 keeps nothing; refuse it")(_refusing(lambda p: p <= 1)(_nucleus))
slip("p not checked above", "90 is a percentage; p is a fraction of at most 1")(
    _refusing(lambda p: p > 0)(lambda logits, p: _nucleus(logits, min(p, 1)))
)
