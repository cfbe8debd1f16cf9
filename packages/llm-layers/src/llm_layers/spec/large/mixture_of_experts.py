"""Large cases of the mixture of experts and its losses."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.attention import scores_far_from_zero
from llm_layers.spec.large.limits import LONG_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=LONG_SUM)
large = LARGE.of("layers.top_k_router")

scores_far_from_zero(LARGE, "layers.top_k_router", 5, lambda z: {"logits": z, "k": 3, "norm_topk_prob": False})
scores_far_from_zero(LARGE, "layers.load_balancing_loss", 6, lambda z: {"logits": z, "k": 2})
scores_far_from_zero(LARGE, "layers.router_z_loss", 3, lambda z: {"logits": z})


large(3, "a limited number of experts, or indices in 8 bits", "three_hundred_experts")(
    lambda g: {"logits": g.normal(37, 301), "k": 9, "norm_topk_prob": True}
)
large(3, "a sort that does not keep the order of equals where rows are long", "equal_logits_of_many_experts")(
    lambda g: {"logits": np.floor(g.normal(37, 131)), "k": 7, "norm_topk_prob": True}
)

large(2, "a sum of the chosen that is kept away from 0", "even_logits_of_many_experts")(
    lambda g: {"logits": 0.1 * g.normal(37, 257), "k": 2, "norm_topk_prob": True}
)


def _experts(g: Generator, tokens: int, experts: int, width: int, d_model: int = 5) -> Inputs:
    stacks = {name: g.normal(experts, width, d_model) for name in ("gate", "up")}
    rest = {"x": g.normal(tokens, d_model), "router": g.normal(experts, d_model)}
    return {**rest, **stacks, "down": g.normal(experts, d_model, width)}


@LARGE("layers.mixture_of_experts", 2, "a capacity: tokens that a full expert drops")
def crowded_experts(g: Generator) -> Inputs:
    inputs = _experts(g, 301, 67, 3)
    inputs["x"][:, 0] += 2.0  # a few experts get most of the tokens
    return {**inputs, "k": 2, "norm_topk_prob": True}


@LARGE("layers.mixture_with_shared_expert", 1, "a capacity, or a shared expert in pieces")
def crowded_beside_a_shared_one(g: Generator) -> Inputs:
    shared = {"shared_gate": g.normal(131, 5), "shared_up": g.normal(131, 5), "shared_down": g.normal(5, 131) / 8.0}
    return {**_experts(g, 301, 67, 3), **shared, "k": 2, "norm_topk_prob": True}


@LARGE("layers.load_balancing_loss", 2, "a mean of the means of pieces")
def tokens_that_change(g: Generator) -> Inputs:
    logits = g.normal(1_031, 67)
    logits[:700, 0] += 3.0  # the first tokens are unlike the last
    return {"logits": logits, "k": 2}


LARGE("layers.router_z_loss", 2, "a mean of the means of pieces", "logits_that_grow")(
    lambda g: {"logits": g.normal(4_099, 7) + np.linspace(-3.0, 5.0, 4_099)[:, None]}
)
LARGE("layers.load_balancing_loss", 2, "two leading axes where there are four", "balance_of_four_leading_axes")(
    lambda g: {"logits": g.normal(2, 3, 2, 3, 5), "k": 2}
)
large(5, "a large negative number in place of an expert that is taken", "logits_far_below_zero")(
    lambda g: {"logits": -1e10 * (1.0 + g.uniform(5, 7)), "k": 3, "norm_topk_prob": False}
)


@LARGE("layers.mixture_of_experts", 3, "a small number added to the sum of the weights")
def hundreds_of_equal_experts(g: Generator) -> Inputs:
    experts = _experts(g, 3, 257, 2)
    return {**experts, "router": 0.0 * experts["router"], "k": 1, "norm_topk_prob": True}


@LARGE("layers.mixture_of_experts", clause=1, catches="a router of the first so many numbers")
def wide_tokens(g: Generator) -> Inputs:
    inputs = _experts(g, 7, 5, 3, d_model=259)
    return {**inputs, "router": inputs["router"] / 16.0, "k": 2, "norm_topk_prob": False}


@LARGE("layers.mixture_with_shared_expert", clause=1, catches="a router of the first so many numbers")
def wide_tokens_beside_a_shared_expert(g: Generator) -> Inputs:
    shared = {"shared_gate": g.normal(3, 259), "shared_up": g.normal(3, 259), "shared_down": g.normal(259, 3) / 8.0}
    return {**wide_tokens(g), **shared}


@LARGE("layers.load_balancing_loss", 2, "tokens counted in 16 bits", tolerance={"float64": 1e-9, "float32": 5e-3})
def more_tokens_than_16_bits_count(g: Generator) -> Inputs:
    logits = np.zeros((70_001, 2))
    logits[:, 0], logits[:1_000, 1] = 1.0, 2.0
    return {"logits": logits, "k": 1}


LARGE("layers.load_balancing_loss", 6, "experts chosen by probabilities, which are 0 together", "logits_that_vanish")(
    lambda g: {"logits": np.array([[0.0, -2_000.0, -1_000.0], [0.0, 0.0, 5.0]]), "k": 2}
)


@LARGE("layers.mixture_of_experts", 3, "experts with small weights left out", tolerance={"float64": 1e-9})
def a_small_weight_and_a_large_answer(g: Generator) -> Inputs:
    inputs = _experts(g, 3, 2, 4)
    inputs["x"] = np.abs(inputs["x"]) + 0.5
    inputs["router"] = np.array([[4.0], [0.0]]) * np.ones((2, 5))
    inputs["down"][1] *= 1e6
    return {**inputs, "k": 2, "norm_topk_prob": True}
