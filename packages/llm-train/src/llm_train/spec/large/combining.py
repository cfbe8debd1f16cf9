"""Large cases of the accumulation rule: many parts, wide gradients, sums of very different sizes."""

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance={"float64": 1e-9, "float32": 1e-4})
combine = LARGE.of("train.combine")


def _parts(g: Generator, count: int, *shape: int, scale: float = 1.0, below: int = 2_000) -> Inputs:
    counts = [float(one) for one in g.whole(count, below=below)]
    return {
        "sums": [one * (1 + float(g.uniform(1)[0])) for one in counts], "counts": counts,
        "gradients": [scale * one * g.normal(*shape) for one in counts],
    }  # fmt: skip


combine(1, "parts beyond some number that are left out", "three_hundred_parts")(lambda g: _parts(g, 301, 5))
combine(1, "parts beyond the thousandth that are left out", "a_thousand_parts")(lambda g: _parts(g, 1_003, 2))
combine(2, "a tile that does not hold a wide gradient", "many_weights")(lambda g: _parts(g, 3, 50_021))
combine(2, "an assumption about the number of axes", "many_rows")(lambda g: _parts(g, 4, 3, 129, 33))
combine(2, "gradients that are cut off at some size", "huge_gradients")(lambda g: _parts(g, 5, 300, scale=1e9))
combine(2, "gradients that become 0", "tiny_gradients")(lambda g: _parts(g, 5, 300, scale=1e-12))
combine(5, "a count in float32", "many_targets")(
    lambda g: {"sums": [1.0, 3.0], "counts": [2.0**24, 1.0], "gradients": [g.normal(3), 2.0**24 * g.normal(3)]}
)
combine(3, "empty parts that are counted", "many_empty_parts")(lambda g: _parts(g, 200, 4, below=2))
