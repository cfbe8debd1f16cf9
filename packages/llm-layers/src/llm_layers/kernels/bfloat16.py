"""Fast products with quantized weights: torch's own kernels, which read the integers and round x to bfloat16."""

import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor, nn

from llm_layers.interface import LayersError
from llm_layers.layers.linear import replace_module
from llm_layers.layers.quantization import int8_linear
from llm_layers.layers.quantized_linear import Int4Linear, Int8Linear, QuantizedLinear

FEW = 16
"""Rows up to which the int8 kernel is faster than unpacking the weight once for all of them."""
TILE = 16
"""The kernels read so many elements at once. The int8 one does not look where a row ends: it would read beyond it."""
GROUPS_INT4 = (32, 64, 128, 256)


def bfloat16_int8_linear(
    x: Float[Tensor, "*batch d_in"], codes: Int8[Tensor, "d_out d_in"], scales: Float[Tensor, " d_out"]
) -> Float[Tensor, "*batch d_out"]:
    """Do what `int8_linear` does, with x, scales and sums rounded to bfloat16.

    Why it works:
        `int8_linear` first writes the integers out as floats of four bytes and so reads more than it would without
        them. The kernel converts integers inside the processor: one byte is read per weight. It is written for
        bfloat16, whose rounding of x (0.2 %) is of the size of the rounding of the weights.

    Args:
        x: vectors along the last axis; the result has their dtype.
        codes: integers from -127 to 127.
        scales: one number per row.

    Raises:
        LayersError: when a row is no multiple of 16 long, or a gradient is wanted: the kernel has none.

    Spec: layers.int8_linear
    Source: `torch._weight_int8pack_mm`, torch 2.13.
    """
    _refuse_gradients(x, scales)
    _check_width(codes)
    rows = x.to(torch.bfloat16).reshape(-1, x.shape[-1])
    if 0 < len(rows) <= FEW:
        y = torch._weight_int8pack_mm(rows, codes.contiguous(), scales.to(torch.bfloat16))
    else:
        y = int8_linear(rows.to(torch.float32), codes, scales)
    return y.to(x.dtype).reshape(*x.shape[:-1], len(codes))


def pack_int4(
    codes: UInt8[Tensor, "d_out pairs"], scales: Float[Tensor, "d_out groups"]
) -> tuple[UInt8[Tensor, "..."], Float[Tensor, "groups d_out 2"]]:
    """Convert 4-bit integers and scales to the order in which the kernel of `bfloat16_int4_linear` reads them.

    Raises:
        LayersError: when the number of rows or the size of a group is none that the kernel knows.
    """
    group = 2 * codes.shape[1] // scales.shape[1]
    if len(codes) % TILE or group not in GROUPS_INT4:
        raise LayersError(
            f"the kernel wants a multiple of {TILE} rows and groups of {', '.join(map(str, GROUPS_INT4))}, "
            f"but there were {len(codes)} rows and groups of {group}: stay with int4_linear"
        )
    nibbles = torch.stack((codes & 15, codes >> 4), dim=-1).flatten(-2).to(torch.int32)
    # The kernel subtracts 8 itself and adds a zero point, which is 0 here.
    scales_and_zeros = torch.stack((scales, torch.zeros_like(scales)), dim=-1).transpose(0, 1)
    return torch._convert_weight_to_int4pack_for_cpu(nibbles, 1), scales_and_zeros.to(torch.bfloat16).contiguous()


def bfloat16_int4_linear(
    x: Float[Tensor, "*batch d_in"], packed: UInt8[Tensor, "..."], scales_and_zeros: Float[Tensor, "groups d_out 2"]
) -> Float[Tensor, "*batch d_out"]:
    """Do what `int4_linear` does, with x, scales and sums rounded to bfloat16, and codes in the kernel's order.

    Why it works:
        `int4_linear` unpacks the whole weight for every product, eight bytes written and read for half a byte of
        codes. The kernel unpacks a few codes at a time, where they are used. The order of `pack_int4` lets it load
        what belongs to sixteen outputs at once.

    Args:
        x: vectors along the last axis; the result has their dtype.
        packed: from `pack_int4`, as are the scales.
        scales_and_zeros: scale and zero point of each group.

    Raises:
        LayersError: when a gradient is wanted: the kernel has none.

    Spec: layers.int4_linear
    Source: `torch._weight_int4pack_mm_for_cpu`, torch 2.13.
    """
    _refuse_gradients(x, scales_and_zeros)
    groups, d_out, _ = scales_and_zeros.shape
    rows = x.to(torch.bfloat16).reshape(-1, x.shape[-1])
    scales_and_zeros = scales_and_zeros.to(torch.bfloat16)  # `model.float()` has converted them with all the rest
    y = torch._weight_int4pack_mm_for_cpu(rows, packed, rows.shape[1] // groups, scales_and_zeros)
    return y.to(x.dtype).reshape(*x.shape[:-1], d_out)


class Bfloat16Int8Linear(Int8Linear):
    """Holds codes and scales of `bfloat16_int8_linear`; its state is that of `Int8Linear`."""

    def multiply(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Multiply with the weight."""
        return bfloat16_int8_linear(x, self.codes, self.scales)


class Bfloat16Int4Linear(QuantizedLinear):
    """Holds packed codes and scales of `bfloat16_int4_linear`; its state fits no `Int4Linear`."""

    @classmethod
    def of(cls, plain: Int4Linear) -> "Bfloat16Int4Linear":
        """Bring the codes of an `Int4Linear` into the kernel's order."""
        return cls(*pack_int4(plain.codes, plain.scales), plain.bias)

    @property
    def weight(self) -> Float[Tensor, "d_out d_in"]:
        """The dequantized weight, rounded to bfloat16: the product with every unit vector."""
        d_out = self.scales.shape[1]
        width = self.codes.numel() * 2 // d_out
        return bfloat16_int4_linear(torch.eye(width, device=self.scales.device), self.codes, self.scales).mT

    def multiply(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Multiply with the weight."""
        return bfloat16_int4_linear(x, self.codes, self.scales)


def use_bfloat16_kernels(model: nn.Module) -> tuple[str, ...]:
    """Let all quantized linear layers of a model multiply through the fast kernels, in place.

    The outputs change a little: x is rounded to bfloat16 before each layer. Only for inference, without gradients.

    Returns:
        The changed layers, by name.

    Raises:
        LayersError: when no linear layer is quantized, or a kernel cannot take one; nothing is changed then.
    """
    found: dict[str, QuantizedLinear] = {}
    for name, module in model.named_modules():
        try:
            if type(module) is Int8Linear:
                _check_width(module.codes)
                found[name] = Bfloat16Int8Linear(module.codes, module.scales, module.bias)
            elif type(module) is Int4Linear:
                found[name] = Bfloat16Int4Linear.of(module)
        except LayersError as error:
            raise LayersError(f"{name}: {error}") from None
    if not found:
        raise LayersError("the model must have quantized linear layers, but has none: quantize_model makes them")
    for name, module in found.items():
        replace_module(model, name, module)
    return tuple(found)


def _check_width(codes: Int8[Tensor, "d_out d_in"]) -> None:
    if codes.shape[1] % TILE:
        raise LayersError(
            f"the kernel wants rows of a multiple of {TILE} weights, but they were {codes.shape[1]} long: "
            "stay with int8_linear"
        )


def _refuse_gradients(*tensors: Tensor) -> None:
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        raise LayersError(
            "the bfloat16 kernels have no gradient: call them inside torch.inference_mode(), "
            "or use int8_linear and int4_linear"
        )
