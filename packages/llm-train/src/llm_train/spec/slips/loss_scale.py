"""Mistakes with the loss scale."""

from llm_tokenizer.conformance import Alternatives
from llm_train.reference.loss_scale import LARGEST
from llm_train.reference.loss_scale import loss_scale as right

SLIPS = Alternatives()
slip = SLIPS.of("train.loss_scale")

slip("no cut after an overflow", "Multiply the scale by backoff.")(
    lambda scale, good, found, *rest: (scale, 0) if found else right(scale, good, found, *rest)
)
slip("good steps go on after an overflow", "The count begins anew.")(
    lambda scale, good, found, *rest: (
        (right(scale, good, found, *rest)[0], good) if found else right(scale, good, found, *rest)
    )
)
slip("an overflow counts as a good step", "It begins the count anew.")(
    lambda scale, good, found, *rest: (
        (right(scale, good, found, *rest)[0], 1) if found else right(scale, good, found, *rest)
    )
)
slip("divided by backoff", "backoff is below 1: multiply.")(
    lambda scale, good, found, growth, backoff, interval: right(scale, good, found, growth, 1 / backoff, interval)
)
slip("growth in every step", "Only after interval good steps.")(
    lambda scale, good, found, growth, backoff, interval: (
        right(scale, good, found, growth, backoff, interval) if found else (min(scale * growth, LARGEST), good + 1)
    )
)
slip("growth one step late", "The good step that is number interval is the one.")(
    lambda scale, good, found, growth, backoff, interval: right(scale, good, found, growth, backoff, interval + 1)
)
slip("growth one step early", "The good step that is number interval is the one.")(
    lambda scale, good, found, growth, backoff, interval: right(scale, good, found, growth, backoff, interval - 1)
)
slip("the count goes on after growth", "It begins anew.")(
    lambda scale, good, found, *rest: (right(scale, good, found, *rest)[0], 0 if found else good + 1)
)
slip("always doubled and halved", "By growth and backoff.")(
    lambda scale, good, found, growth, backoff, interval: right(scale, good, found, 2.0, 0.5, interval)
)
slip("never below 1", "Large gradients want a scale below 1.")(
    lambda scale, good, found, *rest: (
        max(1.0, right(scale, good, found, *rest)[0]),
        right(scale, good, found, *rest)[1],
    )
)
slip("no limit", "Beyond float32 the scaled loss is infinite for ever.")(
    lambda scale, good, found, growth, backoff, interval: (
        (scale * growth, 0)
        if not found and good + 1 >= interval
        else right(scale, good, found, growth, backoff, interval)
    )
)
slip("a limit of 2²⁴", "It may be as large as float32 allows.")(
    lambda scale, good, found, *rest: (
        min(2.0**24, right(scale, good, found, *rest)[0]),
        right(scale, good, found, *rest)[1],
    )
)
