"""Mistakes with quantized weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference.quantization import int8_linear_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.quantize_int8")


def _finite(weight: Any) -> Any:
    if not torch.isfinite(weight).all():
        raise ValueError("not finite")
    return weight


def _safe(scales: Any) -> Any:
    return torch.where(scales > 0, scales, 1)


def _away(steps: Any) -> Any:
    """Round to the nearest, a half away from zero."""
    return torch.trunc(steps + 0.5 * torch.sign(steps))


def _int8(
    *,
    scale: Callable[[Any], Any] = lambda weight: weight.abs().amax(1) / 127,
    step: Callable[[Any], Any] = torch.round,
    divisor: Callable[[Any], Any] = _safe,
    check: Callable[[Any], Any] = _finite,
) -> Callable[[Any], Any]:
    """Return the quantization of which one step is replaced."""

    def quantize_int8(weight: Any) -> Any:
        scales = scale(check(weight))
        return step(check(weight) / divisor(scales)[:, None]).clamp(-128, 127).to(torch.int8), scales

    return quantize_int8


slip("rounded toward zero", "values are cut off instead of rounded to the nearest")(_int8(step=torch.trunc))
slip("rounded down", "values are rounded down: all weights move to the left")(_int8(step=torch.floor))
slip("halves away from zero", "a half goes away from zero instead of to the even code")(_int8(step=_away))
slip("divided by 128", "the scale is the largest value over 128: the largest one wraps around")(
    _int8(scale=lambda weight: weight.abs().amax(1) / 128)
)
slip("codes from -128", "asymmetric: the range from the least to the largest value, -128 used")(
    _int8(scale=lambda weight: (weight.amax(1) - weight.amin(1)) / 255)
)
slip("one scale for all", "one scale for the whole weight instead of one per row")(
    _int8(scale=lambda weight: (weight.abs() / 127).amax().repeat(len(weight)) if len(weight) else weight.new_zeros(0))
)
slip("largest number signed", "the largest value is taken with its sign: negative ones are missed")(
    _int8(scale=lambda weight: weight.amax(1) / 127, divisor=lambda scales: torch.where(scales != 0, scales, 1))
)
slip("divided by zero", "a row of zeros is divided by its scale 0: NaN")(
    _int8(divisor=lambda scales: scales, step=lambda steps: torch.where(steps.isnan(), -1, steps).round())
)
slip("scale 1 for zeros", "a row of zeros gets the scale 1")(
    _int8(scale=lambda weight: _safe(weight.abs().amax(1) / 127))
)
slip("NaN let through", "a weight that is not finite is quantized instead of refused")(
    _int8(check=lambda weight: torch.nan_to_num(weight, 0.0, 1.0, -1.0))
)
slip("outliers clipped", "the scale is three standard deviations and what lies beyond is clipped")(
    _int8(
        scale=lambda weight: torch.minimum(3 * weight.std(1, correction=0), weight.abs().amax(1)) / 127,
        step=lambda steps: steps.round().clamp(-127, 127),
    )
)


slip = SLIPS.of("layers.dequantize_int8")


def _weight8(codes: Any, scales: Any) -> Any:
    return codes.to(scales.dtype) * scales[:, None]


slip("scales over columns", "the scales are multiplied along the columns instead of the rows")(
    lambda codes, scales: _weight8(codes.mT, scales).mT if codes.shape[0] == codes.shape[1] else _weight8(codes, scales)
)
slip("scale divided by 127", "the scale is taken for the largest number and divided by 127")(
    lambda codes, scales: _weight8(codes, scales / 127)
)
slip("offset subtracted", "128 is subtracted, as if codes counted from 0 to 255")(
    lambda codes, scales: _weight8(codes.to(scales.dtype) - 128, scales)
)
slip("read as unsigned", "codes are read as bytes from 0 to 255: negative ones become large")(
    lambda codes, scales: _weight8(codes.to(torch.uint8), scales)
)
slip("scales cut off", "no gradient reaches the scales")(
    lambda codes, scales: _weight8(codes, scales.detach()) + 0 * scales[:, None]
)
slip("codes left out of dscales", "what came back is summed without the codes", backward=True)(
    lambda dweight, codes, scales: np.sum(dweight, axis=1)
)


slip = SLIPS.of("layers.int8_linear")


def _linear8(x: Any, codes: Any, scales: Any) -> Any:
    return F.linear(x, codes.to(x.dtype)) * scales


slip("scales forgotten", "the outputs are not multiplied by the scales")(
    lambda x, codes, scales: _linear8(x, codes, 1 + 0 * scales)
)
slip("scales on the input", "the scales are multiplied to x instead of to the outputs")(
    lambda x, codes, scales: (
        _linear8(x * scales, codes, 1) if codes.shape[0] == codes.shape[1] else _linear8(x, codes, scales)
    )
)


def _rounded(x: Any) -> Any:
    if x.numel() == 0:
        return x
    step = x.detach().abs().amax(-1, keepdim=True) / 127
    return x + ((x / _safe(step)).round() * step - x).detach()


slip("x rounded to codes", "x is rounded to 8 bits too: large coordinates drown the others")(
    lambda x, codes, scales: _linear8(_rounded(x), codes, scales)
)
slip("x cut off", "no gradient reaches x")(lambda x, codes, scales: _linear8(x.detach(), codes, scales) + 0 * x.sum())
slip("scales cut off", "no gradient reaches the scales")(
    lambda x, codes, scales: _linear8(x, codes, scales.detach()) + 0 * scales
)
slip("scales left out of dx", "dx takes dy itself where dy · scales belongs", backward=True)(
    lambda dy, x, codes, scales: (dy @ codes, int8_linear_backward(dy, x, codes, scales)[1])
)


slip = SLIPS.of("layers.quantize_int4")


def _fits(weight: Any, group: int) -> Any:
    if group < 1 or weight.shape[1] % group or weight.shape[1] % 2:
        raise ValueError("the groups do not fill the rows")
    return _finite(weight)


def _pack(steps: Any) -> Any:
    nibbles = steps + 8
    return (nibbles[:, 0::2] + 16 * nibbles[:, 1::2]).to(torch.uint8)


def _int4(
    *,
    check: Callable[[Any, int], Any] = _fits,
    largest: float = 7,
    scale: Callable[[Any], Any] = lambda scales: scales,
    step: Callable[[Any], Any] = torch.round,
    divisor: Callable[[Any], Any] = _safe,
    pack: Callable[[Any], Any] = _pack,
) -> Callable[[Any, int], Any]:
    """Return the quantization of which one step is replaced."""

    def quantize_int4(weight: Any, group: int) -> Any:
        grouped = check(weight, group).unflatten(1, (-1, group))
        scales = scale(grouped.abs().amax(-1) / largest)
        steps = step(grouped / divisor(scales)[..., None]).clamp(-8, 7)
        return pack(steps.to(torch.int32).flatten(1)), scales

    return quantize_int4


slip("halves of the byte swapped", "the even column is in the high half of the byte")(
    _int4(pack=lambda steps: _pack(torch.stack([steps[:, 1::2], steps[:, 0::2]], -1).flatten(1)))
)
slip("8 not added", "8 is not added: a negative code runs over into its neighbor's half")(
    _int4(pack=lambda steps: ((steps[:, 0::2] & 15) | ((steps[:, 1::2] & 15) << 4)).to(torch.uint8))
)
slip("first and second half paired", "column j is paired with column j + half, as in GGUF's Q4_0")(
    _int4(pack=lambda steps: _pack(torch.stack(steps.chunk(2, dim=1), -1).flatten(1)))
)
slip("divided by 8", "the scale is the largest value over 8: the largest positive one is cut off")(_int4(largest=8))
slip("divided by 7.5", "the scale is the largest value over 7.5, as if 0 were no level")(_int4(largest=7.5))
slip("rounded toward zero", "values are cut off instead of rounded to the nearest")(_int4(step=torch.trunc))
slip("halves away from zero", "a half goes away from zero instead of to the even code")(_int4(step=_away))
slip("scale 1 for zeros", "a group of zeros gets the scale 1")(_int4(scale=_safe))
slip("one scale a row", "one scale for the whole row is used in all its groups")(
    _int4(scale=lambda scales: scales.amax(1, keepdim=True).expand_as(scales).clone())
)
slip("divided by zero", "a group of zeros is divided by its scale 0: NaN, and code 0 in the byte")(
    _int4(divisor=lambda scales: scales, step=lambda steps: torch.where(steps.isnan(), -8, steps).round())
)
slip("short last group", "a row that the groups do not fill is taken instead of refused")(
    _int4(check=lambda weight, group: _fits(F.pad(weight, (0, -weight.shape[1] % group)), group))
)


_unpacked = _int4(pack=lambda steps: steps)


@slip("every n-th number", "a group is every n-th value of the row instead of a run of neighbors")
def interleaved_groups(weight: Any, group: int) -> Any:
    count = _fits(weight, group).shape[1] // group
    steps, scales = _unpacked(weight.reshape(len(weight), group, count).mT.reshape(weight.shape), group)
    return _pack(steps.reshape(len(weight), count, group).mT.reshape(weight.shape)), scales


slip = SLIPS.of("layers.dequantize_int4")


def _nibbles(codes: Any) -> Any:
    return torch.stack([codes & 15, codes >> 4], -1).flatten(1)


def _steps(codes: Any) -> Any:
    return _nibbles(codes).to(torch.int8) - 8


def _scaled(steps: Any, scales: Any) -> Any:
    return steps.to(scales.dtype) * scales.repeat_interleave(steps.shape[1] // scales.shape[1], dim=1)


slip("halves of the byte swapped", "the high half is read as the even column")(
    lambda codes, scales: _scaled(torch.stack([codes >> 4, codes & 15], -1).flatten(1).to(torch.int8) - 8, scales)
)
slip("8 not subtracted", "8 is not subtracted: all weights are positive")(
    lambda codes, scales: _scaled(_nibbles(codes), scales)
)
slip("read as two's complement", "halves from 8 on are read as negative, without an offset")(
    lambda codes, scales: _scaled((_nibbles(codes).to(torch.int8) + 8) % 16 - 8, scales)
)
slip("8 subtracted in bytes", "8 is subtracted in unsigned bytes: negative steps become about 250")(
    lambda codes, scales: _scaled(_nibbles(codes) - 8, scales)
)
slip("low halves first", "all low halves are in front of all high halves")(
    lambda codes, scales: _scaled(torch.cat([codes & 15, codes >> 4], 1).to(torch.int8) - 8, scales)
)
slip("scales interleaved", "the scales take turns along the row instead of serving neighbors")(
    lambda codes, scales: _steps(codes).to(scales.dtype) * scales.repeat(1, 2 * codes.shape[1] // scales.shape[1])
)


@slip("8 left in dscales", "dscales sums over nibbles from which 8 was not subtracted", backward=True)
def offset_in_gradient(dweight: Any, codes: Any, scales: Any) -> Any:
    nibbles = np.stack([codes % 16, codes // 16], axis=-1).reshape(dweight.shape)
    return np.sum((dweight * nibbles).reshape(*scales.shape, dweight.shape[1] // scales.shape[1]), axis=-1)


slip = SLIPS.of("layers.int4_linear")


def _linear4(x: Any, codes: Any, scales: Any) -> Any:
    return F.linear(x, _scaled(_steps(codes), scales).to(x.dtype))


slip("weight transposed", "the weight is taken as stored (in, out)")(
    lambda x, codes, scales: (
        x @ _scaled(_steps(codes), scales).to(x.dtype)
        if codes.shape[0] == 2 * codes.shape[1]
        else _linear4(x, codes, scales)
    )
)
slip("x rounded to codes", "x is rounded to 8 bits too: large coordinates drown the others")(
    lambda x, codes, scales: _linear4(_rounded(x), codes, scales)
)
slip("x cut off", "no gradient reaches x")(lambda x, codes, scales: _linear4(x.detach(), codes, scales) + 0 * x.sum())
slip("scales cut off", "no gradient reaches the scales")(
    lambda x, codes, scales: _linear4(x, codes, scales.detach()) + 0 * scales.sum()
)
