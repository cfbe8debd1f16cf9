"""Quantized linear layers, and how to quantize a whole model."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from llm_layers.interface import LayersError
from llm_layers.layers import quantization
from llm_layers.layers.linear import Linear, replace_module

SKIPPED_MODULES = frozenset({"head", "router"})
"""Layers that are left alone unless they are named: small, and their errors are not averaged out."""


class QuantizedLinear(nn.Module, ABC):
    """What a quantized linear layer has in common with a plain one: `weight`, `bias`, and a call.

    Integers and scales are buffers: saved with the state, moved with the model, and out of reach of any optimizer. The
    gradient passes through to x, so adapters before or beside a quantized layer can be trained.
    """

    codes: Tensor
    scales: Tensor
    bias: Tensor | None

    def __init__(self, codes: Tensor, scales: Tensor, bias: Float[Tensor, " d_out"] | None = None) -> None:
        super().__init__()
        self.register_buffer("codes", codes)
        self.register_buffer("scales", scales)
        self.register_buffer("bias", bias)

    @property
    @abstractmethod
    def weight(self) -> Float[Tensor, "d_out d_in"]:
        """The dequantized weight, unpacked at each reading."""

    @abstractmethod
    def multiply(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Multiply with the weight."""

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Multiply with the weight and add the bias."""
        y = self.multiply(x)
        return y if self.bias is None else y + self.bias.to(y.dtype)


class Int8Linear(QuantizedLinear):
    """Holds the integers and scales of `int8_linear`."""

    @classmethod
    def of(cls, weight: Float[Tensor, "d_out d_in"], bias: Float[Tensor, " d_out"] | None = None) -> "Int8Linear":
        """Quantize a weight."""
        return cls(*quantization.quantize_int8(weight.detach()), None if bias is None else bias.detach())

    @property
    def weight(self) -> Float[Tensor, "d_out d_in"]:
        """The dequantized weight."""
        return quantization.dequantize_int8(self.codes, self.scales)

    def multiply(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Multiply with the weight."""
        return quantization.int8_linear(x, self.codes, self.scales)


class Int4Linear(QuantizedLinear):
    """Holds the integers and scales of `int4_linear`."""

    @classmethod
    def of(
        cls, weight: Float[Tensor, "d_out d_in"], bias: Float[Tensor, " d_out"] | None = None, *, group: int = 32
    ) -> "Int4Linear":
        """Quantize a weight."""
        return cls(*quantization.quantize_int4(weight.detach(), group), None if bias is None else bias.detach())

    @property
    def weight(self) -> Float[Tensor, "d_out d_in"]:
        """The dequantized weight."""
        return quantization.dequantize_int4(self.codes, self.scales)

    def multiply(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Multiply with the weight."""
        return quantization.int4_linear(x, self.codes, self.scales)


@dataclass(frozen=True, kw_only=True)
class QuantizationReport:
    """What was quantized, and what it saved."""

    replaced: tuple[str, ...]
    """The linear layers, by name."""
    bytes_before: int
    """All weights of the model."""
    bytes_after: int
    """The same after quantization."""


def quantize_model(
    model: nn.Module, bits: int = 8, *, group: int | None = None, head: bool = False
) -> QuantizationReport:
    """Quantize the weights of a model's linear layers, in place.

    Embedding, norms, routers and the stacked weights of experts stay as they are. So does the head unless it is asked
    for: its errors fall straight on the logits, and it is often the embedding table itself.

    Why it works:
        Training needs small steps, and so many digits; a finished model needs only that each output stays nearly the
        same. The linear layers hold most of the weights, and each of their outputs is a sum over hundreds of weights
        whose rounding errors mostly cancel.

    Args:
        model: a trained model; made smaller in place, for inference, not for training on.
        bits: 8 (one scale per row) or 4 (one scale per group).
        group: with 4 bits, how many neighbors share a scale; must divide the width of every layer. None means 32.
        head: whether the output head is quantized too.

    Raises:
        LayersError: when bits is neither 8 nor 4, a group is given with 8 bits, the head is asked for and is no layer
            of its own, or a width does not fit the group; nothing is replaced before all of it fits.
    """
    if bits not in (4, 8):
        raise LayersError(f"bits must be 8 or 4, but was {bits!r}")
    if bits == 8 and group is not None:
        raise LayersError(
            f"group must be None with 8 bits, which have one scale per row, but was {group}: leave it out"
        )
    group = 32 if group is None else group
    kept = SKIPPED_MODULES - {"head"} if head else SKIPPED_MODULES
    # Any part of the name counts: the head inside an adapter is called head.base.
    chosen = {name: map_ for name, map_ in plain_linear_layers(model).items() if kept.isdisjoint(name.split("."))}
    if head and not any("head" in name.split(".") for name in chosen):
        raise LayersError("head must be False for a model whose head is its embedding table or is quantized already")
    if not chosen:
        raise LayersError("the model must have linear layers that are not quantized yet, but has none")
    before = stored_bytes(model)
    quantized: dict[str, QuantizedLinear] = {}
    for name, map_ in chosen.items():
        try:
            weight, bias = map_.weight, map_.bias
            quantized[name] = Int8Linear.of(weight, bias) if bits == 8 else Int4Linear.of(weight, bias, group=group)
        except LayersError as error:
            raise LayersError(f"{name}: {error}") from None
    for name, module in quantized.items():
        replace_module(model, name, module)
    return QuantizationReport(replaced=tuple(quantized), bytes_before=before, bytes_after=stored_bytes(model))


def plain_linear_layers(model: nn.Module) -> dict[str, Linear | nn.Linear]:
    """Return a model's plain linear layers by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, (Linear, nn.Linear))}


def stored_bytes(model: nn.Module) -> int:
    """Count the bytes of all weights and scales of a model."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))
