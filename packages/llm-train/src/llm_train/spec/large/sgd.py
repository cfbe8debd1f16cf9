"""Large cases of SGD: wide parameters, gradients of every size."""

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance={"float64": 1e-9, "float32": 1e-5})
sgd = LARGE.of("train.sgd")


def _step(g: Generator, *shape: int, scale: float = 1.0, nesterov: bool = False, decay: float = 0.1) -> Inputs:
    return {
        "parameter": g.normal(*shape), "gradient": scale * g.normal(*shape), "velocity": 3 * scale * g.normal(*shape),
        "learning_rate": 0.1 / scale, "momentum": 0.9, "weight_decay": decay, "nesterov": nesterov,
    }  # fmt: skip


sgd(1, "a tile that does not hold a wide parameter", "many_weights")(lambda g: _step(g, 100_003))
sgd(3, "a tile that does not hold a wide parameter", "many_weights_of_nesterov")(
    lambda g: _step(g, 10_007, nesterov=True)
)
sgd(2, "an assumption about the number of axes or their size", "many_rows")(lambda g: _step(g, 3, 257, 129))
sgd(2, "gradients that are clipped to some range", "huge_gradients")(lambda g: _step(g, 1_025, scale=1e12, decay=0.0))
sgd(5, "gradients that become 0", "tiny_gradients")(
    lambda g: _step(g, 1_025, scale=1e-12, decay=0.0) | {"momentum": 0.0}
)
