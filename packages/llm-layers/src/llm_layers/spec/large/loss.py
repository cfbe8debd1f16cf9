"""Large cases of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from llm_layers.spec.large.attention import scores_far_apart, scores_far_from_zero
from llm_layers.spec.large.limits import LLAMA3_VOCABULARY, LONG_SUM, SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases(tolerance=LONG_SUM)
FIVE_TARGETS = np.array([0, 6, 2, -1, 3])  # the fourth is ignored; the second is the row's largest
VERY_LONG_SUM = {"float64": 1e-9, "float32": 1e-3}
"""For what comes of a hundred thousand numbers, each of them small beside the sum."""


def _unevenly_ignored(g: Generator, tokens: int) -> tuple[Numbers, Numbers]:
    """Return logits that are larger later, and targets of which the first thousand are mostly ignored."""
    rows = 4_099
    targets = g.whole(rows, below=tokens)
    targets[: rows // 4][g.uniform(rows // 4) < 0.95] = -100
    targets[rows // 2 : rows // 2 + 300] = -100
    return g.normal(rows, tokens) * np.linspace(0.3, 4.0, rows)[:, None], targets


def _losses(contract: str, far: int, **more: Any) -> None:
    """Add the rules of a loss of logits; `far`: the clause about logits that are far away."""

    def five_rows(logits: Numbers) -> Inputs:
        return {"logits": logits, "targets": FIVE_TARGETS, "ignored": -1, **more}

    scores_far_from_zero(LARGE, contract, far, five_rows)
    if contract != "layers.z_loss":  # which takes no logarithm of a probability
        scores_far_apart(LARGE, contract, far, five_rows)

    @LARGE(contract, 2, "a mean of the means of pieces, each with other numbers of rows")
    def rows_ignored_unevenly(g: Generator) -> Inputs:
        logits, targets = _unevenly_ignored(g, 7)
        return {"logits": logits, "targets": targets, "ignored": -100, **more}

    @LARGE(contract, 1, "a vocabulary in pieces, or targets in 16 bits", tolerance=VERY_LONG_SUM)
    def vocabulary_of_llama3(g: Generator) -> Inputs:
        logits = g.normal(2, LLAMA3_VOCABULARY) + np.linspace(-2.0, 2.0, LLAMA3_VOCABULARY)
        return {"logits": logits, "targets": np.array([128_256, 65_537]), "ignored": -100, **more}


_losses("layers.cross_entropy", 5)
_losses("layers.smoothed_cross_entropy", 6, smoothing=0.1)
_losses("layers.z_loss", 5)


@LARGE("layers.linear_cross_entropy", 2, "a mean of the means of pieces")
def states_ignored_unevenly(g: Generator) -> Inputs:
    hidden, targets = _unevenly_ignored(g, 3)
    return {"hidden": hidden, "head": g.normal(11, 3), "targets": targets, "ignored": -100}


@LARGE("layers.linear_cross_entropy", 5, "a vocabulary in pieces, or targets in 16 bits")
def head_of_llama3(g: Generator) -> Inputs:
    targets = np.array([128_256, 65_537, -1, 3])
    return {"hidden": g.normal(4, 2), "head": g.normal(LLAMA3_VOCABULARY, 2), "targets": targets, "ignored": -1}


@LARGE("layers.linear_cross_entropy", 6, "a running maximum that begins at 0", tolerance={"float64": 1e-9})
def all_logits_far_below(g: Generator) -> Inputs:
    targets = np.array([4, 0, 6])
    return {"hidden": g.uniform(3, 2) + 1.0, "head": g.uniform(7, 2) - 1_000.0, "targets": targets, "ignored": -1}


LARGE("layers.smoothed_cross_entropy", 3, "ignored rows that count where smoothing is 1", "all_smoothed")(
    lambda g: {"logits": g.normal(7, 5), "targets": np.array([0, -1, 4, -1, 2, 2, -1]), "smoothing": 1.0, "ignored": -1}
)


@LARGE("layers.linear_cross_entropy", 5, "the first or last token of a piece missed as a target")
def targets_at_every_border(g: Generator) -> Inputs:
    vocab = 8_209
    targets = np.array([k + side for k in range(0, vocab - 1, 64) for side in (-1, 0, 1) if k + side >= 0])
    return {"hidden": 8.0 * g.normal(len(targets), 2), "head": g.normal(vocab, 2), "targets": targets, "ignored": -1}


@LARGE("layers.linear_cross_entropy", 5, "logits in 16 bits where there are many", tolerance=SHORT_SUM)
def few_targets_and_hundreds_of_tokens(g: Generator) -> Inputs:
    targets = np.array([299, 0, 131])
    return {"hidden": 8.0 * g.normal(3, 4), "head": g.normal(300, 4), "targets": targets, "ignored": -1}


def _weighted(g: Generator, targets: Numbers) -> Numbers:
    """Return weights of both signs, larger in the middle, and large where a target is ignored."""
    weights = g.uniform(*targets.shape, low=-0.5, high=2.0) * (1.0 + np.sin(np.arange(targets.size) / 300.0))
    return np.where(targets < 0, 1e4, weights)


large = LARGE.of("layers.cross_entropy_sum")
_five = {"targets": FIVE_TARGETS, "weights": np.array([0.5, 2.0, 0.0, 7.0, -1.0]), "ignored": -1}
scores_far_from_zero(LARGE, "layers.cross_entropy_sum", 7, lambda logits: {"logits": logits, **_five})
scores_far_apart(LARGE, "layers.cross_entropy_sum", 7, lambda logits: {"logits": logits, **_five})


@large(4, "pieces whose sums are divided, or weights by the place in a piece")
def weighted_rows(g: Generator) -> Inputs:
    logits, targets = _unevenly_ignored(g, 7)
    return {"logits": logits, "targets": targets, "weights": _weighted(g, targets), "ignored": -100}


@large(3, "a count in 8 or 16 bits")
def unweighted_rows(g: Generator) -> Inputs:
    logits, targets = _unevenly_ignored(g, 3)
    return {"logits": np.tile(logits, (17, 1)), "targets": np.tile(targets, 17), "weights": None, "ignored": -100}


@large(1, "a vocabulary in pieces, or targets in 16 bits", tolerance=VERY_LONG_SUM)
def sum_over_the_vocabulary_of_llama3(g: Generator) -> Inputs:
    logits = g.normal(2, LLAMA3_VOCABULARY) + np.linspace(-2.0, 2.0, LLAMA3_VOCABULARY)
    targets, weights = np.array([128_256, 65_537]), np.array([0.5, 2.0])
    return {"logits": logits, "targets": targets, "weights": weights, "ignored": -100}


large = LARGE.of("layers.linear_cross_entropy_sum")


@large(2, "pieces whose sums are divided, or weights by the place in a piece")
def weighted_states(g: Generator) -> Inputs:
    hidden, targets = _unevenly_ignored(g, 3)
    weights = _weighted(g, targets)
    return {"hidden": hidden, "head": g.normal(11, 3), "targets": targets, "weights": weights, "ignored": -100}


@large(5, "a vocabulary in pieces, or targets in 16 bits")
def sum_with_the_head_of_llama3(g: Generator) -> Inputs:
    targets, weights = np.array([128_256, 65_537, -1, 3]), np.array([0.5, 2.0, 9.0, -1.0])
    head = g.normal(LLAMA3_VOCABULARY, 2)
    return {"hidden": g.normal(4, 2), "head": head, "targets": targets, "weights": weights, "ignored": -1}


@large(6, "a running maximum that begins at 0", tolerance={"float64": 1e-9})
def all_weighted_logits_far_below(g: Generator) -> Inputs:
    hidden, head = g.uniform(3, 2) + 1.0, g.uniform(7, 2) - 1_000.0
    targets, weights = np.array([4, 0, 6]), np.array([1.0, 0.25, 3.0])
    return {"hidden": hidden, "head": head, "targets": targets, "weights": weights, "ignored": -1}


@large(5, "logits in 16 bits where there are many", tolerance=SHORT_SUM)
def weighted_targets_and_hundreds_of_tokens(g: Generator) -> Inputs:
    hidden, head = 8.0 * g.normal(3, 4), g.normal(300, 4)
    targets, weights = np.array([299, 0, 131]), np.array([1.0, 0.25, 3.0])
    return {"hidden": hidden, "head": head, "targets": targets, "weights": weights, "ignored": -1}
