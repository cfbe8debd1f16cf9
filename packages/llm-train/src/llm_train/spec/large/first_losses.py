"""Large cases of the first losses: more steps, longer texts, a deeper model."""

from typing import Any

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_train.spec import SPECIFICATION

LARGE = LargeCases(tolerance={"float64": 1e-8, "float32": 1e-2})
first_losses = LARGE.of("train.first_losses")


def _training(g: Generator, steps: int, rows: int, positions: int, **changed: Any) -> Inputs:
    """Return a training of the first stored model on other texts."""
    stored = next(one.inputs for one in SPECIFICATION.cases["train.first_losses"] if one.id == "four_steps")
    texts = g.whole(steps, rows, positions + 1, below=6)
    settings = stored["settings"] | {"max_position_embeddings": 2 * positions}
    given = {"tokens": texts[..., :-1].copy(), "targets": texts[..., 1:].copy(), "settings": settings}
    weights = np.concatenate([
        (1.0 if len(shape) == 1 else 0.0) + 0.3 * g.normal(int(np.prod(shape))) for _, shape in stored["layout"]
    ])  # fmt: skip
    return stored | given | {"weights": weights} | changed


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
