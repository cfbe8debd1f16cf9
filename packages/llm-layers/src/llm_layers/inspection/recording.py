"""One pass through a model, forward and backward, with every tensor that has a name kept."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from llm_layers.config import ModelConfig
from llm_layers.inspection.flow import flow
from llm_layers.inspection.inspected_model import HookPoint, InspectedModel, KernelCall, Layout, inspected_model
from llm_layers.interface import LayersError
from llm_layers.layers.loss import cross_entropy
from llm_tokenizer.commands.wording import quantity

HIDDEN = -1e30
"""A key is hidden when a mask adds less than this."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a model computed on a text, under the names of `llm_layers.inspection.flow`, in the order of the data.

    Args:
        ids: the text, [batch, position].
        values: point -> its values; the heads come before the positions.
        gradients: point -> the gradient of the loss there, zero where the loss does not depend on it; without points
            inside an `autograd.Function`, which keeps its own gradients to itself.
        weights: the model's weights under our names.
        weight_gradients: their gradients, zero where the loss does not depend on one; without frozen weights.
        loss: the mean cross-entropy of each id after those before it; NaN for a single id.
        config: shape and design.
    """

    ids: Tensor
    values: dict[str, Tensor]
    gradients: dict[str, Tensor]
    weights: dict[str, Tensor]
    weight_gradients: dict[str, Tensor]
    loss: float
    config: ModelConfig

    @property
    def head_weight(self) -> Tensor:
        """The weight of the head: its own, or the embedding table."""
        head = self.weights.get("head.weight")
        return self.weights["embedding.table"] if head is None else head


def record(
    model: nn.Module | InspectedModel, ids: Int[Tensor, "batch position"], *, gradients: bool = True
) -> Recording:
    """Run a model on a text and keep every tensor that has a name; the model is left as it was.

    Args:
        model: a `Decoder`, a module with the same names, or a foreign model from `load_transformers`.
        ids: the text.
        gradients: whether to compute the gradients of the loss too.

    Raises:
        LayersError: for a module without our names, for no text, and for one of one id where gradients are wanted.
    """
    inspected = inspected_model(model)
    check_text(ids, 2 if gradients else 1)
    was_training = inspected.module.training
    recorder = Recorder(inspected, ids)
    try:
        inspected.module.eval()
        with torch.set_grad_enabled(gradients), recorder.watching():
            logits = inspected.logits(ids)
        recorder.keep("logits", logits)
        loss = logits.new_tensor(float("nan"))
        if ids.shape[1] > 1:
            loss = cross_entropy(logits[:, :-1], ids[:, 1:])
        found, of_weights = recorder.gradients(loss) if gradients else ({}, {})
    finally:
        inspected.module.train(was_training)
    order = [point for point in flow(inspected.config.layers) if point in recorder.kept]
    return Recording(
        ids=ids,
        values={point: recorder.laid_out(point, recorder.kept[point].tensor.detach()) for point in order},
        gradients={point: found[point] for point in order if point in found},
        weights={name: weight.detach() for name, weight in inspected.weights().items()},
        weight_gradients=of_weights,
        loss=loss.item(),
        config=inspected.config,
    )


def check_text(ids: Tensor, least: int) -> None:
    """Refuse a text that is too short: of no token to be read, of one token for a loss."""
    tokens = ids.shape[1] if len(ids) else 0
    if tokens < least:
        raise LayersError(f"the text must have at least {quantity(least, 'token')}, but has {tokens}: use a longer one")


class SoftmaxCalls(TorchFunctionMode):
    """Keeps the scores that go into each softmax, and the attention weights that come out."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run any call of torch."""
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") == "softmax":
            self.calls.append((args[0], result))
        return result


@dataclass(frozen=True)
class Kept:
    """A tensor, how it is laid out, which third of its last axis is meant, and what it is multiplied by."""

    tensor: Tensor
    layout: Layout = "stream"
    third: int | None = None
    factor: float = 1.0


class Recorder:
    """Keeps tensors by name while a model runs."""

    def __init__(self, inspected: InspectedModel, ids: Tensor) -> None:
        self.kept: dict[str, Kept] = {}
        self.inspected, self.ids, self.softmax = inspected, ids, SoftmaxCalls()

    def keep(self, point: str, x: Tensor, *rest: Any) -> None:
        """Keep a tensor under a name; a later one of the same name takes its place."""
        self.kept[point] = Kept(x, *rest)

    def watching(self) -> ExitStack:
        """Register all hooks; leaving the context removes them."""
        with ExitStack() as setting_up:  # an error on the way undoes what was done so far
            for hook_point in self.inspected.hook_points:
                setting_up.callback(self._hook(hook_point))
            for layer, attention in self.inspected.attentions.items():
                setting_up.callback(attention.register_forward_pre_hook(lambda *_: self.softmax.calls.clear()).remove)
                setting_up.callback(attention.register_forward_hook(partial(self._left, layer)).remove)
            setting_up.enter_context(self.inspected.watched(self._note))
            setting_up.enter_context(self.softmax)
            return setting_up.pop_all()

    def _hook(self, at: HookPoint) -> Callable[[], None]:
        def keep(module: nn.Module, inputs: tuple[Any, ...], further: dict[str, Any], *output: Any) -> None:
            x = output[0] if at.side == "output" else next(iter((*inputs, *further.values())))
            while isinstance(x, tuple | list):  # some foreign modules return more than one tensor
                x = x[0]
            self.keep(at.point, x, at.layout, at.third)

        if at.side == "output":
            return at.module.register_forward_hook(keep, with_kwargs=True).remove
        return at.module.register_forward_pre_hook(keep, with_kwargs=True).remove

    def _left(self, layer: int, *_: Any) -> None:
        length = self.ids.shape[1]
        for scores, pattern in self.softmax.calls:
            if pattern.shape[-2:] == (length, length):
                self.keep(f"blocks.{layer}.attention.scores", scores, "scores")
                self.keep(f"blocks.{layer}.attention.pattern", pattern, "scores")

    def _note(self, call: KernelCall) -> None:
        stem = f"blocks.{call.layer}.attention."
        # Where a model scales its scores by another number, its queries count as scaled, as ours then are.
        self.keep(f"{stem}rot_q", call.query, "heads", None, call.scale * call.query.shape[-1] ** 0.5)
        self.keep(f"{stem}rot_k", call.key, "heads")
        if call.mask is not None:
            self.keep(f"{stem}mask", call.mask, "mask")

    def gradients(self, loss: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the gradients of the tensors that were kept and of the weights."""
        places = {point: kept.tensor for point, kept in self.kept.items() if kept.tensor.requires_grad}
        weights = [weight for weight in self.inspected.module.parameters() if weight.requires_grad]
        if not (places or weights) or not loss.requires_grad:
            return {}, {}
        found = torch.autograd.grad(loss, [*places.values(), *weights], allow_unused=True, materialize_grads=True)
        of_places = {
            point: self.laid_out(point, gradient, backward=True) for point, gradient in zip(places, found, strict=False)
        }
        of_weights = {id(weight): x for weight, x in zip(weights, found[len(places) :], strict=True)}
        return of_places, self.inspected.named(of_weights)

    def laid_out(self, point: str, x: Tensor, *, backward: bool = False) -> Tensor:
        """Return the values of a point with the axes that all models share."""
        kept, (batch, length) = self.kept[point], self.ids.shape
        if kept.layout == "mask":
            visible = x if x.dtype == torch.bool else x > HIDDEN
            return visible.reshape(-1, *x.shape[-2:])[:1].float()
        if kept.third is not None:
            x = x.chunk(3, dim=-1)[kept.third]
        if kept.layout == "stream":
            return x.reshape(batch, length, -1)
        if kept.layout == "scores":
            if point.endswith("scores") and not backward:  # what hides a key may be -1e9, -1e30 or -infinity
                pattern = self.kept[point.replace("scores", "pattern")].tensor
                x = x.masked_fill(pattern.detach() == 0, 0.0)
            return x.reshape(batch, -1, length, length)
        if x.dim() == 3:  # normalized over all heads at once
            x = x.reshape(batch, length, -1, self.inspected.config.d_head).transpose(1, 2)
        elif x.dim() == 5:  # heads in groups
            x = x.flatten(1, 2)
        elif kept.layout == "positions first":
            x = x.transpose(1, 2)
        return x / kept.factor if backward else x * kept.factor
