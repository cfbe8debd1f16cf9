"""A model that is inspected: one whose parts carry our names, or a foreign one that is translated to them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor, nn

from llm_layers.config import ModelConfig
from llm_layers.interface import LayersError

Layout = Literal["stream", "heads", "positions first", "mask", "scores"]
"""The axes of a point: [batch, position, width]; [batch, heads, position, d_head]; with the positions before the heads;
a mask; [batch, heads, query, key]."""


@dataclass(frozen=True, kw_only=True)
class KernelCall:
    """The inputs of an attention kernel.

    Args:
        layer: the block that called it.
        query: [batch, heads, position, d_head], or with the heads in groups.
        key: the same with one head for each group.
        mask: True, or zero, where a query may attend to a key; None when it may attend to all.
        scale: what the scores are multiplied by.
    """

    layer: int
    query: Tensor
    key: Tensor
    mask: Tensor | None
    scale: float


Note = Callable[[KernelCall], None]


@dataclass(frozen=True, kw_only=True)
class HookPoint:
    """One tensor to record: the input or the output of a module.

    Args:
        point: the name under which it is recorded.
        module: the module.
        side: which of the two.
        layout: the axes of the tensor.
        third: which third of the last axis, where query, key and value come out of one module.
    """

    point: str
    module: nn.Module
    side: Literal["input", "output"] = "output"
    layout: Layout = "stream"
    third: int | None = None


@dataclass(frozen=True, kw_only=True)
class InspectedModel:
    """A model that can be recorded.

    Args:
        module: the model itself.
        config: its shape and design.
        logits: runs it on ids.
        named: takes tensors by the `id` of their parameter and returns them under our names.
        hook_points: what to record.
        attentions: the attention module of each block.
        watched: calls a function at each call of an attention kernel, as long as the context lasts.
        foreign: whether somebody else's code computes it.
    """

    module: nn.Module
    config: ModelConfig
    logits: Callable[[Tensor], Tensor]
    named: Callable[[Mapping[int, Tensor]], dict[str, Tensor]]
    hook_points: tuple[HookPoint, ...]
    attentions: Mapping[int, nn.Module]
    watched: Callable[[Note], AbstractContextManager[None]]
    foreign: bool = False

    def weights(self) -> dict[str, Tensor]:
        """Return its weights under our names; a foreign model's without experts that it keeps in a form of its own."""
        return self.named({id(weight): weight for weight in self.module.parameters()})


def inspected_model(model: nn.Module | InspectedModel) -> InspectedModel:
    """Return a model as it is, or a `Decoder`, or any module with its names, as a model that can be recorded.

    Raises:
        LayersError: when the module lacks the names or the configuration.
    """
    if isinstance(model, InspectedModel):
        return model
    config = getattr(model, "config", None)
    names = {name for name, _ in model.named_children()}
    if not isinstance(config, ModelConfig) or not {"embedding", "blocks", "final_norm"} <= names:
        raise LayersError(
            "the model must have the parts embedding, blocks and final_norm, and a ModelConfig as config, but was "
            f"{type(model).__name__} with {', '.join(sorted(names)) or 'no parts'}: name its parts as Decoder does"
        )
    blocks = list(model.get_submodule("blocks").children())
    if len(blocks) != config.layers:
        raise LayersError(
            f"the model must have as many blocks as its config has layers, {config.layers}, but has {len(blocks)}"
        )
    attentions = {
        layer: block.get_submodule("attention") for layer, block in enumerate(blocks) if hasattr(block, "attention")
    }

    def named(tensors: Mapping[int, Tensor]) -> dict[str, Tensor]:
        return {name: tensors[id(weight)] for name, weight in model.named_parameters() if id(weight) in tensors}

    return InspectedModel(
        module=model,
        config=config,
        logits=model,
        named=named,
        hook_points=tuple(_hook_points(model, config)),
        attentions=attentions,
        watched=partial(_watched, attentions),
    )


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


def _hook_points(model: nn.Module, config: ModelConfig) -> Iterator[HookPoint]:
    """Return what to record of a module with our names; parts that the design leaves out are skipped."""
    parts = dict(model.named_modules())
    yield HookPoint(point="embedding", module=parts["embedding"])
    for layer in range(config.layers):
        block = f"blocks.{layer}"
        yield HookPoint(point=f"{block}.resid_pre", module=parts[block], side="input")
        after = next(name for name in (f"{block}.feed_forward_norm", f"{block}.feed_forward") if name in parts)
        yield HookPoint(point=f"{block}.resid_mid", module=parts[after], side="input")
        for name in [name for name in parts if name.startswith(f"{block}.")]:
            part = name.removeprefix(f"{block}.")
            if part in OUTPUTS and not isinstance(parts[name], nn.Identity):
                layout: Layout = "heads" if part in ("attention.query_norm", "attention.key_norm") else "stream"
                yield HookPoint(point=f"{block}.{OUTPUTS[part]}", module=parts[name], layout=layout)
            if part in INPUTS:
                yield HookPoint(point=f"{block}.{INPUTS[part]}", module=parts[name], side="input")
    yield HookPoint(point="resid_post", module=parts["final_norm"], side="input")
    yield HookPoint(point="final_norm", module=parts["final_norm"])


@contextmanager
def _watched(attentions: Mapping[int, nn.Module], note: Note) -> Iterator[None]:
    """Wrap `attend` of every block's attention for a while; it is put back, also after an error."""
    before = {layer: module.attend for layer, module in attentions.items() if hasattr(module, "attend")}

    def noting(layer: int) -> Callable[..., Tensor]:
        def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
            scale = query.shape[-1] ** -0.5
            note(KernelCall(layer=layer, query=query, key=key, mask=mask, scale=scale))
            return before[layer](query, key, value, mask)  # type: ignore[operator, no-any-return]

        return attend

    try:
        for layer in before:
            attentions[layer].attend = noting(layer)  # type: ignore[assignment]
        yield
    finally:
        for layer, attend in before.items():
            attentions[layer].attend = attend
