"""Large cases of the update ratio: hundreds of arrays, small moves of large weights."""

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance={"float64": 1e-9})
update_ratio = LARGE.of("train.update_ratio")


def _moved(g: Generator, *shapes: tuple[int, ...], by: float = 1e-3, scale: float = 1.0) -> Inputs:
    before = [np.asarray(scale * g.normal(*shape)) for shape in shapes]
    return {"before": before, "after": [np.asarray(one + scale * by * g.normal(*one.shape)) for one in before]}


update_ratio(2, "a limit on how many arrays there may be", "three_hundred_arrays")(
    lambda g: _moved(g, *[(7, 3), (11,), (2, 2, 2)] * 100)
)
update_ratio(2, "arrays beyond the thousandth that are left out", "a_thousand_arrays")(
    lambda g: _moved(g, *[(2,)] * 1003)
)
update_ratio(1, "squares that are summed in float32, or in bfloat16", "wide")(lambda g: _moved(g, (100_003,), (3,)))
update_ratio(1, "a small move that is lost beside the weights", "a_small_move", tolerance={"float64": 1e-6})(
    lambda g: _moved(g, (301,), by=1e-8)
)
update_ratio(1, "weights that are cut off at some size", "large_weights")(lambda g: _moved(g, (129, 3), scale=1e5))
update_ratio(1, "squares that overflow in float32", "huge_weights")(lambda g: _moved(g, (9,), scale=1e25))
update_ratio(1, "squares that become 0 in float32", "tiny_weights")(lambda g: _moved(g, (9,), scale=1e-30))
