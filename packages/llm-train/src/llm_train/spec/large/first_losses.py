"""Large cases of the first losses: more steps, longer texts, a deeper model."""

from typing import Any

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers
from llm_train.spec import SPECIFICATION

LARGE = LargeCases(tolerance={"float64": 1e-8, "float32": 1e-2})
first_losses = LARGE.of("train.first_losses")


def _training(g: Generator, steps: int, rows: int, positions: int, vocab: int = 6, **changed: Any) -> Inputs:
    """Return a training of the first stored model on other texts, perhaps with more tokens."""
    stored = next(one.inputs for one in SPECIFICATION.cases["train.first_losses"] if one.id == "four_steps")
    texts = g.whole(steps, rows, positions + 1, below=vocab)
    settings = stored["settings"] | {"max_position_embeddings": 2 * positions, "vocab_size": vocab}
    layout = [[name, [vocab, 4] if shape == [6, 4] else shape] for name, shape in stored["layout"]]
    given = {"tokens": texts[..., :-1].copy(), "targets": texts[..., 1:].copy(), "settings": settings, "layout": layout}
    return stored | given | {"weights": _weights(g, layout)} | changed


def _weights(g: Generator, layout: Any) -> Numbers:
    """Return weights near 0, and gains near 1."""
    return np.concatenate([
        (1.0 if len(shape) == 1 else 0.0) + 0.3 * g.normal(int(np.prod(shape))) for _, shape in layout
    ])  # fmt: skip


first_losses(4, "moments or a schedule that are right for a few steps only", "forty_steps")(
    lambda g: _training(g, 40, 2, 5, learning_rate=0.02, warmup_steps=7, weight_decay=0.3, limit=0.5)
)
first_losses(1, "texts that are cut off", "a_long_text")(lambda g: _training(g, 2, 1, 129, learning_rate=0.02))
first_losses(1, "rows that are left out", "many_rows")(lambda g: _training(g, 2, 131, 3, learning_rate=0.02))


@first_losses(6, "a count of targets that is that of the first row")
def mostly_ignored(g: Generator) -> Inputs:
    given = _training(g, 3, 9, 17, learning_rate=0.05)
    hidden = g.uniform(3, 9, 17) < 0.9
    return given | {"targets": np.where(hidden, -100, given["targets"])}


EXACT = {"float64": 1e-8}
first_losses(4, "steps beyond the hundredth that are left out", "a_hundred_steps", tolerance=EXACT)(
    lambda g: _training(g, 107, 1, 3, learning_rate=0.01)
)
first_losses(1, "texts that are cut off at a thousand tokens", "a_very_long_text", tolerance=EXACT)(
    lambda g: _training(g, 1, 1, 1_030, learning_rate=0.02)
)
first_losses(1, "ids in 16 bits", "many_tokens", tolerance=EXACT)(
    lambda g: _training(g, 2, 1, 7, vocab=40_009, learning_rate=0.02)
)


@first_losses(1, "layers beyond some number that are left out", tolerance=EXACT)
def very_deep(g: Generator) -> Inputs:
    given = _training(g, 1, 1, 3, learning_rate=0.01)
    blocks = [one for one in given["layout"] if ".layers.0." in one[0]]
    layout = [
        given["layout"][0],
        *([name.replace(".0.", f".{layer}."), shape] for layer in range(91) for name, shape in blocks),
        *given["layout"][-2:],
    ]
    settings = given["settings"] | {"num_hidden_layers": 91}
    return given | {"settings": settings, "layout": layout, "weights": _weights(g, layout)}


@first_losses(4, "weights that are cut off at some size", tolerance=EXACT)
def a_large_table(g: Generator) -> Inputs:
    given = _training(g, 3, 2, 5, learning_rate=0.05)
    scale = np.ones(len(given["weights"]))
    scale[:24] = 500.0  # the table of tokens comes first, and a norm after it
    return given | {"weights": given["weights"] * scale}
