"""Mistakes with a mixture of experts and with the losses of its router."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference.attention import softmax
from llm_layers.reference.mixture_of_experts import top_k_router as reference_router
from llm_layers.spec.ours import swiglu
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.top_k_router")


def _chosen(logits: Any, k: int) -> Any:
    return logits.detach().sort(dim=-1, descending=True, stable=True).indices[..., :k]


def _router(
    *,
    choose: Callable[[Any, int], Any] = _chosen,
    weigh: Callable[[Any], Any] = lambda logits: torch.softmax(logits, -1),
    total: Callable[[Any], Any] = lambda weights: weights.sum(-1, keepdim=True),
) -> Callable[[Any, int, bool], Any]:
    """Return the router of which one step is replaced: which experts, how much each counts, and the sum."""

    def top_k_router(logits: Any, k: int, norm_topk_prob: bool) -> Any:
        chosen = choose(logits, k)
        weights = weigh(logits).gather(-1, chosen)
        return (weights / total(weights) if norm_topk_prob else weights), chosen

    return top_k_router


_route = _router()


slip("never normalized", "norm_topk_prob is ignored: the weights are left as they are")(
    lambda logits, k, norm_topk_prob: _route(logits, k, False)
)
slip("softmax after the choice", "the softmax runs over the chosen logits only")(
    lambda logits, k, norm_topk_prob: (torch.softmax(logits.gather(-1, _chosen(logits, k)), -1), _chosen(logits, k))
)
slip("always normalized", "the weights sum to one whatever was asked for")(
    lambda logits, k, norm_topk_prob: _route(logits, k, True)
)
slip("one expert too few", "k - 1 experts are returned")(
    lambda logits, k, norm_topk_prob: _route(logits, k - 1, norm_topk_prob)
)
slip("the least likely", "the k smallest logits are chosen")(_router(choose=lambda logits, k: _chosen(-logits, k)))
slip("ties to the last", "of equal logits the expert with the higher index comes first")(
    _router(choose=lambda logits, k: logits.shape[-1] - 1 - _chosen(logits.flip(-1), k))
)
slip("in the order of their numbers", "the chosen experts are sorted by index, not by weight")(
    _router(choose=lambda logits, k: _chosen(logits, k).sort(-1).values)
)
slip("logits as weights", "the logits themselves are divided by their sum: no softmax")(
    _router(weigh=lambda logits: logits)
)
slip("sigmoid for softmax", "each expert has a sigmoid of its own, as in DeepSeek-V3")(_router(weigh=torch.sigmoid))
slip("weights detached", "the weights are detached: the router never learns")(
    _router(weigh=lambda logits: torch.softmax(logits, -1).detach() + 0 * logits)
)
slip("sum held constant", "the gradient does not run through the sum of the chosen weights")(
    _router(total=lambda weights: weights.sum(-1, keepdim=True).detach())
)
slip("largest logit left in", "exp is taken of the logits as they are: it overflows")(
    _router(weigh=lambda logits: logits.exp() / logits.exp().sum(-1, keepdim=True))
)


def _scattered(logits: Any, k: int, values: Any) -> Any:
    """Return an array of zeros with these values at the chosen experts."""
    dense = np.zeros_like(logits)
    np.put_along_axis(dense, reference_router(logits, k, True)[1], values, axis=-1)
    return dense


slip("softmax without the average", "p · dp without taking Σ p · dp away", backward=True)(
    lambda dweights, dchosen, logits, k, norm_topk_prob: softmax(logits, -1) * _scattered(logits, k, dweights)
)


slip = SLIPS.of("layers.mixture_of_experts")


def _answers(x: Any, gate: Any, up: Any, down: Any) -> Any:
    """Return the answer of each chosen expert to its own row of x."""
    hidden = F.silu(torch.einsum("...kd,...kfd->...kf", x, gate)) * torch.einsum("...kd,...kfd->...kf", x, up)
    return torch.einsum("...kf,...kdf->...kd", hidden, down)


def _weighted(answers: Any, weights: Any) -> Any:
    return (weights[..., None] * answers).sum(-2)


def _mixture(
    *,
    seen: Callable[[Any], Any] = lambda x: x,
    given: Callable[[Any, Any], Any] = lambda x, weights: x[..., None, :],
    join: Callable[[Any, Any], Any] = _weighted,
) -> Callable[..., Any]:
    """Return the mixture of which one step is replaced: what the router sees, what an expert is given, the sum."""

    def mixture(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool) -> Any:
        weights, chosen = _route(seen(x) @ router.T, k, norm_topk_prob)
        return join(_answers(given(x, weights), gate[chosen], up[chosen], down[chosen]), weights)

    return mixture


_mix = _mixture()

slip("weights left out", "the answers are added up without their weights")(
    _mixture(join=lambda answers, weights: answers.sum(-2) + 0 * weights.sum())
)
slip("all experts", "every expert answers, k is ignored")(
    lambda x, router, gate, up, down, k, norm_topk_prob: _mix(x, router, gate, up, down, len(gate), norm_topk_prob)
)
slip("x detached at the router", "no gradient comes to x through the router")(_mixture(seen=lambda x: x.detach()))
slip("x added", "the residual stream is added: that is the block's work")(lambda x, *rest: x + _mix(x, *rest))
slip("weights on the way in", "x is multiplied by the weight, not the expert's answer")(
    _mixture(given=lambda x, weights: weights[..., None] * x[..., None, :], join=lambda answers, _: answers.sum(-2))
)


@slip("answers in the experts' order", "the sorting by expert is not undone at the end")
def not_undone(x: Any, router: Any, gate: Any, up: Any, down: Any, k: int, norm_topk_prob: bool) -> Any:
    order = _chosen(x @ router.T, k).reshape(-1).argsort(stable=True)

    def sorted_answers(answers: Any, weights: Any) -> Any:
        return _weighted(answers.flatten(0, -2)[order].reshape(answers.shape), weights)

    return _mixture(join=sorted_answers)(x, router, gate, up, down, k, norm_topk_prob)


slip = SLIPS.of("layers.mixture_with_shared_expert")


def _shared(join: Callable[..., Any]) -> Callable[..., Any]:
    """Return a mixture that joins the shared answer and the mixture `mix(x, k)` in another way."""

    def mixture(
        x: Any, router: Any, gate: Any, up: Any, down: Any, shared_gate: Any, shared_up: Any, shared_down: Any,
        k: int, norm_topk_prob: bool,
    ) -> Any:  # fmt: skip
        def mix(x: Any, k: int = k) -> Any:
            return _mix(x, router, gate, up, down, k, norm_topk_prob) if k else 0 * x

        def shared(x: Any) -> Any:
            return swiglu(x, shared_gate, shared_up, shared_down)

        return join(x, shared, mix, k)

    return mixture


slip("shared expert forgotten", "only the chosen experts answer")(
    _shared(lambda x, shared, mix, k: mix(x) + 0 * shared(x))
)
slip("shared among the k", "the shared expert takes one of the k places")(
    _shared(lambda x, shared, mix, k: mix(x, k - 1) + shared(x))
)
slip("one after the other", "the chosen experts work on the shared one's answer")(
    _shared(lambda x, shared, mix, k: shared(x) + mix(x + shared(x)))
)
slip("x detached at the shared expert", "no gradient to x through the shared one")(
    _shared(lambda x, shared, mix, k: mix(x) + shared(x.detach()))
)


slip = SLIPS.of("layers.load_balancing_loss")


def _over_tokens(a: Any) -> Any:
    return a.sum(0) / max(len(a), 1)


def _product(chosen: Any, p: Any) -> Any:
    return p.shape[-1] * (_over_tokens(chosen) * _over_tokens(p)).sum()


def _balancing(rule: Callable[[Any, Any], Any] = _product) -> Callable[[Any, int], Any]:
    """Return the loss by a rule of each token's choices, as zeros and ones, and its probabilities."""

    def loss(logits: Any, k: int) -> Any:
        rows = logits.reshape(-1, logits.shape[-1])
        return rule(F.one_hot(_chosen(rows, k), rows.shape[-1]).sum(-2).to(rows.dtype), torch.softmax(rows, -1))

    return loss


def _only_chosen(chosen: Any, p: Any) -> Any:
    return chosen * p / (chosen * p).sum(-1, keepdim=True)


_balance = _balancing()

slip("number of experts left out", "Σ f · P is not multiplied by the number of experts")(
    lambda logits, k: _balance(logits, k) / logits.shape[-1]
)
slip("divided by the choices", "f is divided by tokens · k: it sums to 1, not to k")(
    lambda logits, k: _balance(logits, k) / k
)
slip("first choices only", "f counts the first choice of each token only")(lambda logits, k: _balance(logits, 1))
slip("summed over tokens", "P is the sum over the tokens, not their mean")(
    _balancing(lambda chosen, p: _product(chosen, p) * len(p))
)
slip("weights for probabilities", "P is taken over the chosen experts' weights only")(
    _balancing(lambda chosen, p: _product(chosen, _only_chosen(chosen, p)))
)
slip("product before the mean", "f · p is averaged over tokens: p of the chosen")(
    _balancing(lambda chosen, p: p.shape[-1] * _over_tokens(chosen * p).sum())
)
slip("NaN without tokens", "0/0 when there is no token")(
    _balancing(lambda chosen, p: p.shape[-1] * (chosen.mean(0) * p.mean(0)).sum())
)


@slip("text by text", "each row of the batch is balanced by itself")
def text_by_text(logits: Any, k: int) -> Any:
    if logits.dim() < 3:
        return _balance(logits, k)
    found = [text_by_text(one, k) for one in logits]
    return torch.stack(found).mean() if found else logits.sum()


slip = SLIPS.of("layers.router_z_loss")


def _mean(values: Any) -> Any:
    return values.sum() / max(values.numel(), 1)


slip("absolute value", "the distance from 0, not its square")(lambda logits: _mean(logits.logsumexp(-1).abs()))
slip("summed over tokens", "the squares are summed, not averaged")(lambda logits: logits.logsumexp(-1).square().sum())
slip("square of the mean", "the mean is taken first: drifts up and down cancel")(
    lambda logits: _mean(logits.logsumexp(-1)).square()
)
slip("squares of the logits", "the logits themselves are squared and averaged")(lambda logits: _mean(logits.square()))
slip("mean of exp", "log of the mean of exp, not of the sum")(
    lambda logits: _mean((logits.logsumexp(-1) - math.log(logits.shape[-1])).square())
)
slip("largest logit left in", "exp is taken of the logits as they are: it overflows")(
    lambda logits: _mean(logits.exp().sum(-1).log().square())
)
slip("NaN without tokens", "0/0 when there is no token")(lambda logits: logits.logsumexp(-1).square().mean())
