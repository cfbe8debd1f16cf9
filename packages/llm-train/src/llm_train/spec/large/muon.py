"""Large cases of Muon: matrices beyond the tiles of real products, and tall and wide ones."""

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_train.optimizers.muon import NEWTON_SCHULZ, POLAR_EXPRESS, Polynomials

LARGE = LargeCases(tolerance={"float64": 1e-8, "float32": 1e-3})
orthogonalize, muon = LARGE.of("train.orthogonalize"), LARGE.of("train.muon")


def _matrix(g: Generator, *shape: int, scale: float = 1.0, rounds: Polynomials = POLAR_EXPRESS) -> Inputs:
    polynomials = [[*one] for one in rounds]
    return {"matrix": scale * g.normal(*shape), "polynomials": polynomials, "margin": 1.02, "eps": 1e-30}


def _step(g: Generator, *shape: int, scale: float = 1.0, rounds: Polynomials = NEWTON_SCHULZ) -> Inputs:
    given = _matrix(g, *shape, rounds=rounds)
    del given["matrix"]
    return {
        "parameter": g.normal(*shape), "gradient": scale * g.normal(*shape), "direction": scale * g.normal(*shape),
        "learning_rate": 0.5, "momentum": 0.9, "weight_decay": 0.3, **given,
    }  # fmt: skip


orthogonalize(3, "rows beyond a tile that are left out", "many_rows")(lambda g: _matrix(g, 301, 37))
orthogonalize(3, "columns beyond a tile that are left out", "many_columns")(lambda g: _matrix(g, 37, 301))
orthogonalize(4, "a matrix that is cut off at some size", "square")(lambda g: _matrix(g, 131, 131))
orthogonalize(1, "squares that overflow in float32", "huge", tolerance={"float64": 1e-8, "inside": 1e-3})(
    lambda g: _matrix(g, 9, 33, scale=1e25)
)
orthogonalize(1, "numbers that are cut off at some size", "large_numbers")(lambda g: _matrix(g, 33, 9, scale=1e5))
orthogonalize(1, "squares that become 0 in float32", "tiny", tolerance={"float64": 1e-8, "inside": 1e-3})(
    lambda g: _matrix(g, 9, 33, scale=1e-27)
)
orthogonalize(2, "a limit on how many rounds there may be", "a_thousand_rounds")(
    lambda g: _matrix(g, 3, 4, rounds=[*[(1.0, 0.0, 0.0)] * 1000, (1.5, -0.5, 0.0), (2.0, -1.0, 0.1)])
)
muon(3, "rows beyond a tile that are left out", "many_rows_to_step")(lambda g: _step(g, 301, 37))
muon(3, "columns beyond a tile that are left out", "many_columns_to_step")(lambda g: _step(g, 37, 301))
muon(5, "gradients that are cut off at some size", "huge_gradients")(lambda g: _step(g, 20, 30, scale=1e6))
muon(5, "gradients that become 0", "tiny_gradients")(lambda g: _step(g, 30, 20, scale=1e-9))
muon(2, "a limit on how many rounds there may be", "a_thousand_rounds_of_a_step")(
    lambda g: _step(g, 3, 4, rounds=[*[(1.0, 0.0, 0.0)] * 1000, (1.5, -0.5, 0.0), (2.0, -1.0, 0.1)])
)
