"""Large cases of the average of the weights: late steps, slow decays, wide parameters."""

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance={"float64": 1e-9, "float32": 1e-5})
ema = LARGE.of("train.ema")


def _at(g: Generator, *shape: int, step: int, decay: float, scale: float = 1.0) -> Inputs:
    """Return an average and a parameter far from it, so that the fraction shows."""
    return {
        "average": 1e-3 * scale * g.normal(*shape),
        "parameter": scale * g.normal(*shape),
        "step": step,
        "decay": decay,
    }


ema(2, "a tile that does not hold a wide parameter", "many_weights")(lambda g: _at(g, 100_003, step=12, decay=0.99))
ema(2, "an assumption about the number of axes", "many_rows")(lambda g: _at(g, 3, 257, 129, step=3, decay=0.95))
ema(2, "a number of the step in 8 bits", "step_257")(lambda g: _at(g, 7, step=257, decay=0.999))
ema(2, "a correction that ends after a thousand steps", "step_1001")(lambda g: _at(g, 7, step=1001, decay=0.9995))
ema(2, "a number of the step in bfloat16 or float16", "step_4097")(lambda g: _at(g, 7, step=4097, decay=0.9999))
ema(2, "a number of the step in 16 bits", "step_65_537")(lambda g: _at(g, 7, step=65_537, decay=0.99999))
ema(5, "a fraction that is lost beside 1", "step_1_000_000")(lambda g: _at(g, 7, step=1_000_000, decay=0.99999))
ema(3, "weights that are cut off at some size", "large_weights")(lambda g: _at(g, 300, step=1, decay=0.9, scale=1e5))
ema(2, "weights that become 0", "tiny_weights")(lambda g: _at(g, 300, step=4, decay=0.9, scale=1e-12))
