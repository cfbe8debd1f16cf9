"""Large cases of clipping: hundreds of gradients, wide ones, exploded ones."""

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases(tolerance={"float64": 1e-9, "float32": 1e-5})


def _tensors(g: Generator, count: int, scale: float = 1.0) -> list[Numbers]:
    """Return gradients as of a model: matrices, vectors, single numbers, of sizes and scales that differ a lot."""
    shapes = [(64, 33), (129,), (), (7, 3, 5), (1, 300), (2,), (17, 16), (1,)]
    sizes = 10.0 ** g.uniform(count, low=-3.0, high=0.0)
    return [np.asarray(scale * sizes[i] * g.normal(*shapes[i % len(shapes)])) for i in range(count)]


def _near(g: Generator, gradients: list[Numbers], factor: float) -> Inputs:
    norm = float(sum((gradient**2).sum() for gradient in gradients)) ** 0.5
    return {"gradients": gradients, "limit": factor * norm}


clip_gradients = LARGE.of("train.clip_gradients")
clip_gradients(5, "a limit on how many gradients there may be", "three_hundred_tensors")(
    lambda g: {"gradients": _tensors(g, 300), "limit": 1.0}
)
clip_gradients(5, "gradients beyond the thousandth that are left out", "a_thousand_small_tensors")(
    lambda g: {"gradients": [g.normal(2) for _ in range(1_003)], "limit": 1.0}
)
clip_gradients(1, "squares that are summed in float32, or in bfloat16", "a_wide_tensor")(
    lambda g: {"gradients": [g.normal(100_003), g.normal(3), g.normal(300, 257)], "limit": 0.5}
)
clip_gradients(3, "a limit with a margin: just within, nothing changes", "just_within")(
    lambda g: _near(g, _tensors(g, 100), 1.0001)
)
clip_gradients(2, "a limit with a margin: just beyond, all are scaled", "just_beyond")(
    lambda g: _near(g, _tensors(g, 100), 0.9999)
)
clip_gradients(2, "an exploding gradient that is clipped in part", "exploded")(
    lambda g: {"gradients": _tensors(g, 40, scale=1e15), "limit": 1.0}
)
clip_gradients(1, "many small gradients that vanish beside a large one", "one_large_and_many_small")(
    lambda g: {"gradients": [30.0 * g.normal(3), *(g.normal(50) for _ in range(400))], "limit": 2.0}
)
clip_gradients(1, "squares that overflow in float32", "beyond_the_squares_of_float32", tolerance={"float64": 1e-9})(
    lambda g: {"gradients": [1e25 * g.normal(5), 1e24 * g.normal(2, 3)], "limit": 1.0}
)


@clip_gradients(1, "equal arrays that count once")
def equal_gradients(g: Generator) -> Inputs:
    gradient = g.normal(3, 4)
    return {"gradients": [gradient, gradient.copy(), g.normal(5), gradient], "limit": 0.5}
