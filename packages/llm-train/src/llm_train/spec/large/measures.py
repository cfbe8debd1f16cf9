"""Large cases of the measures: perplexities of every size, and losses beyond them."""

from llm_tokenizer.conformance.large import LargeCases

LARGE = LargeCases(tolerance={"exact": 1e-11})


def _perplexity(loss: float, clause: int, catches: str) -> None:
    LARGE("train.perplexity", clause, catches, f"loss_{loss:g}")(lambda g: {"loss": loss})


def _bits(loss: float, tokens_per_byte: float) -> None:
    inputs = {"loss": loss, "tokens_per_byte": tokens_per_byte}
    LARGE("train.bits_per_byte", 1, "a loss or a ratio that is cut off", f"loss_{loss:g}")(lambda g: inputs)


for loss in (1e-9, 0.01, 1.0, 9.99, 11.0, 80.5, 89.0, 300.25, 709.7):
    _perplexity(loss, 1, "another curve, or a limit")
for loss in (710.0, 1e5, 1e300):
    _perplexity(loss, 2, "an error beyond all numbers")
for loss, ratio in ((1e-9, 0.25), (11.0, 0.999), (85.0, 0.3), (1e6, 1e-3)):
    _bits(loss, ratio)
