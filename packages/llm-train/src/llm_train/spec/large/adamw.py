"""Large cases of AdamW: late steps, wide parameters, gradients of every size."""

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance={"float64": 1e-9, "float32": 1e-5})


def _step(g: Generator, *shape: int, step: int, scale: float = 1.0, **settings: float) -> Inputs:
    """Return a parameter near zero, where the change of the step shows, and moments as of gradients of this scale."""
    usual = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}
    gradient, first, second = g.normal(*shape), g.normal(*shape), g.uniform(*shape)
    return {
        "parameter": 1e-3 * g.normal(*shape), "gradient": scale * gradient, "first_moment": 0.3 * scale * first,
        "second_moment": scale * (scale * second), "step": step, **(usual | settings),
    }  # fmt: skip


adamw = LARGE.of("train.adamw")


def _late(name: str, step: int, beta2: float, catches: str) -> None:
    """Add a case in one late step, where the second moment still needs its correction."""
    adamw(2, catches, name)(lambda g: _step(g, 7, step=step, beta2=beta2))


_late("step_128", 128, 0.999, "a number of the step in 7 bits and a sign")
_late("step_257", 257, 0.999, "a number of the step in 8 bits")
_late("step_1001", 1001, 0.9995, "a table of 1,000 corrections, or a correction that ends there")
_late("step_4097", 4097, 0.9999, "a number of the step in bfloat16 or float16")
_late("step_10_001", 10_001, 0.9999, "a correction that is left out after 10,000 steps")
_late("step_32_769", 32_769, 0.99999, "a number of the step in 15 bits and a sign")
_late("step_65_537", 65_537, 0.99999, "a number of the step in 16 bits")
_late("step_100_001", 100_001, 0.99999, "a correction that is left out after 100,000 steps")
_late("step_1_000_000", 1_000_000, 0.999999, "a correction that is left out after many steps")


adamw(3, "a tile or a table that does not hold a wide parameter", "many_weights")(lambda g: _step(g, 100_003, step=12))
adamw(3, "an assumption about the number of axes or their size", "many_rows")(
    lambda g: _step(g, 3, 257, 129, step=3, beta1=0.95)
)
adamw(3, "an epsilon of one's own, or squares that become 0", "tiny_gradients_everywhere")(
    lambda g: _step(g, 1_025, step=40, scale=1e-15, eps=1e-15)
)
adamw(3, "an epsilon that outweighs gradients of ordinary smallness", "small_gradients")(
    lambda g: _step(g, 1_025, step=40, scale=1e-7, eps=1e-9)
)
adamw(3, "gradients or steps that are clipped to some range", "huge_gradients")(
    lambda g: _step(g, 1_025, step=40, scale=1e15)
)


@adamw(3, "a ratio that is clipped: one gradient after long silence moves far")
def gradients_after_silence(g: Generator) -> Inputs:
    silent = _step(g, 513, step=20_000, beta2=0.9999, weight_decay=0.0)
    return silent | {"first_moment": g.normal(513) * 1e-9, "second_moment": g.uniform(513) * 1e-18}


@adamw(3, "gradients of every size from 1e-12 to 1e12 in one parameter")
def every_size(g: Generator) -> Inputs:
    sizes = 10.0 ** g.uniform(4_099, low=-12.0, high=12.0)
    given = _step(g, 4_099, step=5, weight_decay=0.0)
    return given | {
        "gradient": given["gradient"] * sizes, "first_moment": given["first_moment"] * sizes,
        "second_moment": given["second_moment"] * sizes**2,
    }  # fmt: skip


adamw(4, "parameters or a decay that are clipped to some range", "large_parameters")(
    lambda g: _step(g, 300, step=9, weight_decay=0.5) | {"parameter": 1e5 * g.normal(300)}
)
adamw(3, "an epsilon of zero that is taken for none", "no_epsilon")(
    lambda g: _step(g, 5, step=1, scale=1e-10, eps=0.0, weight_decay=0.0)
)
