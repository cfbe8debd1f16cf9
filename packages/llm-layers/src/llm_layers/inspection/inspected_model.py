"""What is looked at: a model whose parts carry our names, or a foreign one that is translated to them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor, nn

from llm_layers.config import ModelConfig
from llm_layers.interface import LayersError

Layout = Literal["stream", "heads", "positions first", "mask", "scores"]
"""How the numbers of a point lie: [batch, position, width]; [batch, heads, position, d_head]; with the positions before
the heads; a mask; [batch, heads, query, key]."""


@dataclass(frozen=True, kw_only=True)
class KernelCall:
    """What an attention kernel was given.

    Args:
        layer: the block that called it.
        query: [batch, heads, position, d_head], or with the heads in groups.
        key: the same with one head for each group.
        value: as `key`.
        mask: True, or zero, where a query may see a key; None when it may see all.
        scale: what the scores are multiplied with.
    """

    layer: int
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    scale: float


@dataclass(frozen=True, kw_only=True)
class HookPoint:
    """One tensor to keep: what goes into a module or what comes out of it.

    Args:
        point: the name under which it is kept.
        module: the module.
        side: which of the two.
        layout: how the numbers lie.
        part: which third of the last axis, where query, key and value come out of one module.
    """

    point: str
    module: nn.Module
    side: Literal["input", "output"] = "output"
    layout: Layout = "stream"
    part: int | None = None


@runtime_checkable
class InspectedModel(Protocol):
    """A model that can be recorded."""

    @property
    def module(self) -> nn.Module:
        """The model itself."""

    @property
    def config(self) -> ModelConfig:
        """Its shape and design."""

    def logits(self, ids: Tensor) -> Tensor:
        """Run it."""

    def weights(self) -> dict[str, Tensor]:
        """Give its weights under our names."""

    def named(self, gradients: Mapping[int, Tensor]) -> dict[str, Tensor]:
        """Give the gradients, handed in by the `id` of their parameter, under our names."""

    def hook_points(self) -> list[HookPoint]:
        """Say what is to be kept."""

    def attention_modules(self) -> dict[int, nn.Module]:
        """Give the attention of each block that has one."""

    def kernels(self, note: Callable[[KernelCall], None]) -> AbstractContextManager[None]:
        """Call `note` at each call of an attention kernel, as long as the context lasts."""


@contextmanager
def kernels_of(model: nn.Module, note: Callable[[KernelCall], None]) -> Iterator[None]:
    """Wrap `attend` of every block's attention for a while; what was there is put back, also after an error."""
    changed: list[tuple[nn.Module, object]] = []
    try:
        for layer, block in enumerate(model.get_submodule("blocks").children()):
            part = getattr(block, "attention", None)
            if isinstance(part, nn.Module) and callable(getattr(part, "attend", None)):
                changed.append((part, part.attend))
                part.attend = _noting(part.attend, layer, note)  # type: ignore[assignment]
        yield
    finally:
        for part, attend in changed:
            part.attend = attend  # type: ignore[assignment]


def _noting(attend: object, layer: int, note: Callable[[KernelCall], None]) -> Callable[..., Tensor]:
    assert callable(attend), "it was looked for"

    def noted(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        scale = query.shape[-1] ** -0.5
        note(KernelCall(layer=layer, query=query, key=key, value=value, mask=mask, scale=scale))
        gathered: Tensor = attend(query, key, value, mask)
        return gathered

    return noted


@dataclass(frozen=True, kw_only=True)
class OurModel:
    """A `Decoder`, or any module whose parts carry its names."""

    module: nn.Module
    config: ModelConfig

    def logits(self, ids: Tensor) -> Tensor:
        """Run it."""
        y: Tensor = self.module(ids)
        return y

    def weights(self) -> dict[str, Tensor]:
        """Give its weights."""
        return dict(self.module.named_parameters())

    def named(self, gradients: Mapping[int, Tensor]) -> dict[str, Tensor]:
        """Give the gradients under our names."""
        return {name: gradients[id(weight)] for name, weight in self.weights().items() if id(weight) in gradients}

    def hook_points(self) -> list[HookPoint]:
        """Say what is to be kept; parts that the design leaves out are passed over."""
        parts = dict(self.module.named_modules())
        hook_points = [HookPoint(point="embedding", module=parts["embedding"])]
        for layer in range(self.config.layers):
            block = f"blocks.{layer}"
            hook_points.append(HookPoint(point=f"{block}.resid_pre", module=parts[block], side="input"))
            between = [parts[name] for name in (f"{block}.feed_forward_norm", f"{block}.feed_forward") if name in parts]
            hook_points += [
                HookPoint(point=f"{block}.resid_mid", module=module, side="input") for module in between[:1]
            ]
            for part, found in parts.items():
                point = part.removeprefix(f"{block}.")
                if part.startswith(f"{block}.") and not isinstance(found, nn.Identity) and point in OUTPUTS:
                    hook_points.append(
                        HookPoint(point=f"{block}.{OUTPUTS[point]}", module=found, layout=_layout(point))
                    )
                if part.startswith(f"{block}.") and point in INPUTS:
                    hook_points.append(HookPoint(point=f"{block}.{INPUTS[point]}", module=found, side="input"))
        hook_points.append(HookPoint(point="resid_post", module=parts["final_norm"], side="input"))
        hook_points.append(HookPoint(point="final_norm", module=parts["final_norm"]))
        return hook_points

    def attention_modules(self) -> dict[int, nn.Module]:
        """Give the attention of each block that has one."""
        parts = dict(self.module.named_modules())
        names = {layer: f"blocks.{layer}.attention" for layer in range(self.config.layers)}
        return {layer: parts[name] for layer, name in names.items() if name in parts}

    def kernels(self, note: Callable[[KernelCall], None]) -> AbstractContextManager[None]:
        """Watch the kernels."""
        return kernels_of(self.module, note)


# Part of a block -> the point that comes out of it, and the point that goes into it.
OUTPUTS = {
    **{f"attention.{part}": f"attention.{part}" for part in ("query", "key", "value", "query_norm", "key_norm")},
    "attention": "attention.output",
    **{part: part for part in ("attention_norm", "attention_output_norm", "feed_forward_norm")},
    **{f"feed_forward.{part}": f"feed_forward.{part}" for part in ("router", "gate", "up")},
    "feed_forward": "feed_forward.output",
    "feed_forward_output_norm": "feed_forward_output_norm",
}
INPUTS = {"attention.output": "attention.z", "feed_forward.down": "feed_forward.post"}


def _layout(point: str) -> Layout:
    return "heads" if point in ("attention.query_norm", "attention.key_norm") else "stream"


def inspected_model(model: nn.Module | InspectedModel) -> InspectedModel:
    """Take a model as it is, or wrap a module with our names.

    Raises:
        LayersError: when the module lacks the names or the configuration.
    """
    if not isinstance(model, nn.Module):
        return model
    config = getattr(model, "config", None)
    names = {name for name, _ in model.named_children()}
    if not isinstance(config, ModelConfig) or not {"embedding", "blocks", "final_norm"} <= names:
        raise LayersError(
            "the model must have the parts embedding, blocks and final_norm, and a ModelConfig as config, but was "
            f"{type(model).__name__} with {', '.join(sorted(names)) or 'no parts'}: name its parts as Decoder does"
        )
    if (blocks := len(list(model.get_submodule("blocks").children()))) != config.layers:
        raise LayersError(
            f"the model must have as many blocks as its config has layers, {config.layers}, but has {blocks}"
        )
    return OurModel(module=model, config=config)
