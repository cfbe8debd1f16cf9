"""Mistakes with dropout."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.dropout")
slip("no rescaling", "what is kept is not enlarged: the mean shrinks by the rate in training only")(
    lambda x, kept, rate: torch.where(kept, x, 0.0)
)
slip("divided by the rate", "divided by the rate, not by 1 - rate")(
    lambda x, kept, rate: torch.where(kept, x / rate if rate else x, 0.0)
)
slip("multiplied by 1 - rate", "shrunk by 1 - rate: that is the old paper's rule for inference")(
    lambda x, kept, rate: torch.where(kept, x * (1 - rate), 0.0)
)
slip("mask inverted", "True is taken for struck out")(lambda x, kept, rate: torch.where(kept, 0.0, x / (1 - rate)))
slip("scaled by the fraction kept", "divided by the fraction that this mask kept, not by 1 - rate")(
    lambda x, kept, rate: torch.where(kept, x / kept.double().mean().clamp(min=1e-9).to(x.dtype), 0.0)
)
slip("everything enlarged", "what is struck out is left as it was instead of set to zero")(
    lambda x, kept, rate: torch.where(kept, x / (1 - rate), x)
)
slip("gradient not masked", "the gradient of what was struck out flows on", backward=True)(
    lambda dy, x, kept, rate: dy / (1 - rate)
)
slip("gradient not enlarged", "the factor 1/(1 - rate) is left out of the gradient", backward=True)(
    lambda dy, x, kept, rate: np.where(kept, dy, 0)
)


slip = SLIPS.of("layers.dropout_mask")


def _mix(x: Any, first: int = 16, second: int = 15, last: int = 16, *, sign: int = 0) -> Any:
    """Return mix of 32 bits in an int64; `sign`: 1 where a shift moves in the highest bit."""

    def shifted(x: Any, by: int) -> Any:
        return x >> by | sign * (x >> 31) * (2**by - 1) << (32 - by)

    x = (x ^ shifted(x, first)) * 0x7FEB352D & 0xFFFFFFFF
    x = (x ^ shifted(x, second)) * (0x846CA68B - 2**32) & 0xFFFFFFFF
    return x ^ shifted(x, last)


def _mask(
    keys: Any,
    site: int,
    positions: int,
    width: int,
    rate: float,
    *,
    mix: Callable[[Any], Any] = _mix,
    row: Callable[[Any, Any, int], Any] = lambda low, high, site: _mix(low ^ _mix(high + site & 0xFFFFFFFF)),
    place: Callable[[int, int], Any] = lambda positions, width: torch.arange(positions * width),
    keeps: Callable[[Any, float], Any] = lambda x, rate: x >> 8 >= round(rate * 2**24),
) -> Any:
    """Return the mask of which one step is replaced."""
    if not 0.0 <= rate < 1.0:
        raise ValueError("no such rate")
    numbers = row(keys & 0xFFFFFFFF, keys >> 32 & 0xFFFFFFFF, site)[:, None]
    draws = mix(place(positions, width) * 0x9E3779B1 + numbers & 0xFFFFFFFF)
    return keeps(draws, rate).expand(len(keys), -1).reshape(len(keys), positions, width)


def _own(**named: Any) -> Callable[..., Any]:
    return partial(_mask, **named)


slip("rate kept", "the rate is taken for the probability that an element is kept")(
    _own(keeps=lambda x, rate: x >> 8 < round(rate * 2**24))
)
slip("draw above the rate", "an element is kept only where its draw is above the threshold: a draw of 0 never")(
    _own(keeps=lambda x, rate: x >> 8 > round(rate * 2**24))
)
slip("lower bits drawn", "the lower 24 bits are the draw, not the upper ones")(
    _own(keeps=lambda x, rate: (x & 0xFFFFFF) >= round(rate * 2**24))
)
slip("threshold cut down", "the threshold is cut down to a whole number, not rounded")(
    _own(keeps=lambda x, rate: x >> 8 >= int(rate * 2**24))
)
slip("rate in hundredths", "only two digits of the rate count")(
    _own(keeps=lambda x, rate: x >> 8 >= round(round(rate, 2) * 2**24))
)
slip("sign moved in", "the numbers have a sign, and shifts move it in")(_own(mix=partial(_mix, sign=1)))
slip("shifts exchanged", "the shifts are 15, 16 and 15")(_own(mix=partial(_mix, first=15, second=16, last=15)))
slip("last shift left out", "the product is not xored with its own upper half")(_own(mix=partial(_mix, last=32)))
slip("upper half left out", "the upper 32 bits of the key do not count")(
    _own(row=lambda low, high, site: _mix(low ^ _mix(high * 0 + site & 0xFFFFFFFF)))
)
slip("halves joined", "the halves of the key are xored before anything is mixed")(
    _own(row=lambda low, high, site: _mix(_mix((low ^ high) + site & 0xFFFFFFFF)))
)
slip("site left out", "all places in the model share a mask")(_own(row=lambda low, high, site: _mix(low ^ _mix(high))))
slip("site xored", "the site is xored with the upper half, not added")(
    _own(row=lambda low, high, site: _mix(low ^ _mix(high ^ site & 0xFFFFFFFF)))
)
slip("site not cut", "a sum of upper half and site keeps what is beyond 32 bits")(
    _own(row=lambda low, high, site: _mix(low ^ _mix(high + site) & 0xFFFFFFFF))
)
slip("site added to the lower half", "the site goes with the lower 32 bits")(
    _own(row=lambda low, high, site: _mix(low + site & 0xFFFFFFFF ^ _mix(high)))
)
slip("key not mixed", "the row's number is not mixed: neighboring keys have masks that are shifted alike")(
    _own(row=lambda low, high, site: low ^ _mix(high + site & 0xFFFFFFFF))
)
slip("number of the row", "the row's number in the batch is added to its key: another batch, another mask")(
    _own(row=lambda low, high, site: _mix(low + torch.arange(len(low)) ^ _mix(high + site & 0xFFFFFFFF)))
)
slip("first key for all", "all rows have the mask of the first")(
    _own(row=lambda low, high, site: _mix(low[:1] ^ _mix(high[:1] + site & 0xFFFFFFFF)).expand(len(low)))
)
slip("positions alike", "every position of a row has the same draws")(
    _own(place=lambda positions, width: torch.arange(width).repeat(positions))
)
slip("elements alike", "a position is kept or struck out as a whole")(
    _own(place=lambda positions, width: torch.arange(positions).repeat_interleave(width))
)
slip("positions innermost", "places are counted along the positions first")(
    _own(place=lambda positions, width: torch.arange(positions * width).view(width, positions).T.reshape(-1))
)
slip("counted from 1", "the first element has number 1")(
    _own(place=lambda positions, width: torch.arange(positions * width) + 1)
)
slip("a rate of 1 taken", "a rate outside its range is not refused")(
    lambda keys, site, positions, width, rate: (
        _mask(keys, site, positions, width, rate)
        if 0 <= rate < 1
        else torch.zeros(len(keys), positions, width, dtype=torch.bool)
    )
)
