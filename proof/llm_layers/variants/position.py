"""Position: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.learned_positions")
variant("indexing")(lambda x, table, positions: table[positions] + x)
variant("one-hot product")(lambda x, table, positions: x + F.one_hot(positions, len(table)).to(table.dtype) @ table)


variant("NumPy", arrays="numpy")(lambda x, table, positions: x + np.take(table, positions, axis=0))


variant = VARIANTS.of("layers.sinusoidal_positions")


@variant("filled in place")
def filled_in_place(positions: Any, d_model: int, base: float) -> Any:
    angle = positions[..., None] * torch.exp(torch.arange(0, d_model, 2).double() * (-np.log(base) / d_model))
    y = torch.empty(*positions.shape, d_model, dtype=torch.float64)
    y[..., 0::2], y[..., 1::2] = angle.sin(), angle.cos()
    return y


@variant("a cosine is a shifted sine", arrays="numpy")
def shifted_sine(positions: Any, d_model: int, base: float) -> Any:
    coordinate = np.arange(d_model)
    angle = np.asarray(positions)[..., None] / base ** ((coordinate - coordinate % 2) / d_model)
    return np.sin(angle + (coordinate % 2) * np.pi / 2)


@variant("float32 inside")
def waves_in_float32(positions: Any, d_model: int, base: float) -> Any:
    angle = positions[..., None].float() / base ** (torch.arange(0, d_model, 2).float() / d_model)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)


variant = VARIANTS.of("layers.inverse_frequencies")
variant("exponential of a logarithm")(
    lambda d_head, base: torch.exp(-torch.arange(0, d_head, 2).double() / d_head * np.log(base))
)
variant("one factor again and again", arrays="numpy")(
    lambda d_head, base: np.cumprod([1.0] + [base ** (-2 / d_head)] * (d_head // 2 - 1))
)
variant("float32 inside")(lambda d_head, base: 1.0 / base ** (torch.arange(0, d_head, 2).float() / d_head))


variant = VARIANTS.of("layers.rotary")


@variant("sign and roll")
def sign_and_roll(x: Any, positions: Any, base: float) -> Any:
    half = x.shape[-1] // 2
    frequency = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = (positions.to(torch.float64)[..., None] * frequency).repeat_interleave(2, -1)
    angle = angle.unflatten(-1, (half, 2)).transpose(-1, -2).flatten(-2)
    sign = torch.ones(x.shape[-1], dtype=x.dtype)
    sign[:half] = -1
    return x * angle.cos().to(x.dtype) + sign * x.roll(half, -1) * angle.sin().to(x.dtype)


def _matrices(x: Any, positions: Any, base: float) -> Any:
    half = x.shape[-1] // 2
    angle = positions.to(torch.float64)[..., None] * base ** (-torch.arange(half, dtype=torch.float64) / half)
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], -2)


def _rotated(pairs: Any, matrices: Any) -> Any:
    return (matrices @ pairs[..., None])[..., 0]


variant("matrices")(
    lambda x, positions, base: (
        _rotated(torch.stack(x.chunk(2, -1), -1), _matrices(x, positions, base)).transpose(-1, -2).flatten(-2)
    )
)


@variant("complex numbers, NumPy", arrays="numpy")
def halves_by_complex_numbers(x: Any, positions: Any, base: float) -> Any:
    half = x.shape[-1] // 2
    angle = np.asarray(positions)[..., None] * base ** (-np.arange(half) / half)
    rotated = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angle)
    return np.concatenate([rotated.real, rotated.imag], axis=-1).astype(x.dtype)


@variant("angles in float32, as most models have them")
def float32_angles(x: Any, positions: Any, base: float) -> Any:
    frequencies = 1.0 / base ** (torch.arange(0, x.shape[-1], 2).float() / x.shape[-1])
    angle = (positions[..., None].float() * frequencies).repeat(*[1] * positions.ndim, 2)
    first, second = x.chunk(2, -1)
    return x * angle.cos().to(x.dtype) + torch.cat((-second, first), -1) * angle.sin().to(x.dtype)


variant = VARIANTS.of("layers.rotary_interleaved")
variant("matrices")(
    lambda x, positions, base: _rotated(x.unflatten(-1, (-1, 2)), _matrices(x, positions, base)).flatten(-2)
)


@variant("angles in float32, complex numbers")
def float32_neighbors(x: Any, positions: Any, base: float) -> Any:
    frequencies = 1.0 / base ** (torch.arange(0, x.shape[-1], 2).float() / x.shape[-1])
    angle = positions[..., None].float() * frequencies
    wide = x.to(torch.promote_types(x.dtype, torch.float32)).unflatten(-1, (-1, 2)).contiguous()
    rotated = torch.view_as_complex(wide) * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(rotated).flatten(-2).to(x.dtype)


@variant("reordered, rotated in halves, ordered back")
def by_reordering(x: Any, positions: Any, base: float) -> Any:
    width = x.shape[-1]
    order = torch.cat([torch.arange(0, width, 2), torch.arange(1, width, 2)])
    rotated = sign_and_roll(x[..., order], positions, base)
    return rotated[..., order.argsort()]


@variant("complex numbers", arrays="numpy")
def by_complex_numbers(x: Any, positions: Any, base: float) -> Any:
    half = x.shape[-1] // 2
    angle = np.asarray(positions)[..., None] * base ** (-np.arange(half) / half)
    rotated = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angle)
    return np.stack([rotated.real, rotated.imag], -1).reshape(x.shape)


@VARIANTS.of("layers.learned_positions")("rows gathered coordinate by coordinate")
def gathered_rows(x: Any, table: Any, positions: Any) -> Any:
    places = positions.reshape(-1, 1).expand(-1, table.shape[1])
    return table.gather(0, places).reshape(*positions.shape, table.shape[1]) + x
