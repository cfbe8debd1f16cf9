"""Feed-forward parts that call their linear maps instead of handing their weights to one function.

A map that is more than a weight, quantized or corrected, knows a cheaper way than to write its weight out. The maps
keep their names, so that nothing else of the model notices.
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers.layers.activation import gelu_tanh, relu_squared
from llm_layers.layers.feed_forward import GeGLU, GeluFeedForward, ReluSquaredFeedForward, SwiGLU
from llm_layers.layers.linear import Linear


class MappedFeedForward(nn.Module):
    """Holds the maps of a feed-forward part, and what is needed to put the part back."""

    gate: nn.Module
    up: nn.Module
    down: nn.Module

    def __init__(self, plain: nn.Module) -> None:
        super().__init__()
        self.kind, self.kernel = type(plain), plain.kernel
        for name, map_ in plain.named_children():
            self.add_module(name, map_)


class MappedGated(MappedFeedForward):
    """What `swiglu` and `geglu` do, map by map."""

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        bend = F.silu if self.kind is SwiGLU else gelu_tanh
        y: Tensor = self.down(bend(self.gate(x)) * self.up(x))
        return y


class MappedPlain(MappedFeedForward):
    """What `gelu_feed_forward` and `relu_squared_feed_forward` do, map by map."""

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        bend = gelu_tanh if self.kind is GeluFeedForward else relu_squared
        y: Tensor = self.down(bend(self.up(x)))
        return y


def call_maps(model: nn.Module) -> None:
    """Let every feed-forward part with a map that is more than a weight call its maps; put the others back."""
    for name, module in list(model.named_modules()):
        if isinstance(module, (SwiGLU, GeGLU, GeluFeedForward, ReluSquaredFeedForward)) and not _all_plain(module):
            mapped = MappedGated if isinstance(module, (SwiGLU, GeGLU)) else MappedPlain
            replace_module(model, name, mapped(module))
        elif isinstance(module, MappedFeedForward) and _all_plain(module):
            plain = module.kind(1, 1, kernel=module.kernel)
            for child, map_ in module.named_children():
                setattr(plain, child, map_)
            replace_module(model, name, plain)


def replace_module(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of the one of that name."""
    parent, _, child = name.rpartition(".")
    module.train(model.get_submodule(name).training)
    setattr(model.get_submodule(parent), child, module)


def _all_plain(part: nn.Module) -> bool:
    return all(isinstance(map_, (Linear, nn.Linear)) for map_ in part.children())
