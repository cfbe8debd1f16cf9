"""Large cases of the loss scale: long intervals, and scales near both ends."""

from llm_tokenizer.conformance.large import LargeCases

LARGE = LargeCases(tolerance={"exact": 1e-12})
loss_scale = LARGE.of("train.loss_scale")


def _at(name: str, clause: int, catches: str, scale: float, good: int, interval: int, *, found: bool = False) -> None:
    inputs = {
        "scale": scale,
        "good_steps": good,
        "found_inf": found,
        "growth": 2.0,
        "backoff": 0.5,
        "interval": interval,
    }
    loss_scale(clause, catches, name)(lambda g: inputs)


_at("step_128", 2, "a count in 8 bits", 1024.0, 127, 2000)
_at("step_32_768", 2, "a count in 16 bits", 1024.0, 32_767, 100_000)
_at("step_65_536", 2, "a count in 16 bits without a sign", 1024.0, 65_535, 100_000)
_at("growth_after_many", 3, "a count that is cut off", 1024.0, 99_999, 100_000)
_at("overflow_after_many", 1, "a count that is kept", 1024.0, 70_000, 100_000, found=True)
_at("far_below_one", 1, "a scale that does not fall below some number", 2.0**-40, 3, 2000, found=True)
_at("far_above", 3, "a scale that does not rise above some number", 2.0**100, 1999, 2000)
_at("at_the_end", 4, "a scale that becomes infinite", 2.0**127, 1999, 2000)
