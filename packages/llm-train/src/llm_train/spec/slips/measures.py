"""Mistakes with perplexity and bits per byte."""

import math

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.perplexity")

slip("two to the loss", "The loss is in nats: e to it.")(lambda loss: 2.0**loss if loss < 1000 else math.inf)
slip("ten to the loss", "The loss is in nats: e to it.")(lambda loss: 10.0**loss if loss < 300 else math.inf)
slip("an error where it is too large", "Beyond all numbers it is infinity.")(math.exp)
slip("infinity from 700 on", "The largest number is e to about 709.78.")(
    lambda loss: math.exp(loss) if loss < 700 else math.inf
)
slip("the sign of a log-likelihood", "The loss is above 0.")(lambda loss: math.exp(-loss))

slip = SLIPS.of("train.bits_per_byte")
slip("nats taken for bits", "Divide by log 2.")(lambda loss, tokens_per_byte: loss * tokens_per_byte)
slip("multiplied by log 2", "Divide by log 2.")(lambda loss, tokens_per_byte: loss * math.log(2) * tokens_per_byte)
slip("bits per token", "A byte has fewer tokens than one.")(lambda loss, tokens_per_byte: loss / math.log(2))
slip("bytes per token", "Multiply by the tokens of a byte.")(
    lambda loss, tokens_per_byte: loss / math.log(2) / tokens_per_byte
)
slip("never more than 8", "A bad model needs more bits than the text has.")(
    lambda loss, tokens_per_byte: min(8.0, loss / math.log(2) * tokens_per_byte)
)
