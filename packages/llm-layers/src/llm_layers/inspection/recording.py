"""One pass through a model, forward and backward, with everything on the way kept."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from llm_layers.config import ModelConfig
from llm_layers.inspection.flow import flow
from llm_layers.inspection.inspected_model import HookPoint, InspectedModel, KernelCall, Layout, inspected_model
from llm_layers.interface import LayersError

INTO = {"attention.output.weight": "attention.z", "feed_forward.down.weight": "feed_forward.post"}
OUT = {"feed_forward.gate.weight": "feed_forward.gate", "feed_forward.up.weight": "feed_forward.up"}
"""Weights whose modules hold them only, so that no hook sees them at work -> the points around them."""

HIDDEN = -1e30
"""What a mask adds below this hides a key."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a model computed on a text, under the names of `llm_layers.inspection.flow`, in the order of the data.

    Args:
        ids: the text, [batch, position].
        values: point -> its numbers; the heads stand before the positions.
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


def record(
    model: nn.Module | InspectedModel, ids: Int[Tensor, "batch position"], *, gradients: bool = True
) -> Recording:
    """Run a model on a text and keep every tensor that has a name; the model is left as it was.

    Args:
        model: a `Decoder`, a module with the same names, or a foreign model from `load_transformers`.
        ids: the text.
        gradients: whether the loss is taken back through the model too.

    Raises:
        LayersError: for a module without our names, and for a text of one id where gradients are wanted.
    """
    subject = inspected_model(model)
    if gradients and ids.shape[1] < 2:
        raise LayersError("the text must have at least 2 tokens, so that there is one to predict: give a longer one")
    was_training = subject.module.training
    recorder = Recorder(subject.config, ids, subject.weights())
    try:
        subject.module.eval()
        with torch.set_grad_enabled(gradients), recorder.watching(subject):
            logits = subject.logits(ids)
        recorder.keep("logits", logits, "stream")
        loss = logits.new_tensor(float("nan"))
        if ids.shape[1] > 1:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        found, of_weights = recorder.gradients(subject, loss) if gradients else ({}, {})
    finally:
        subject.module.train(was_training)
    order = [point for point in flow(subject.config.layers) if point in recorder.kept]
    return Recording(
        ids=ids,
        values={point: recorder.laid_out(point, recorder.kept[point][0].detach()) for point in order},
        gradients={point: found[point] for point in order if point in found},
        weights={name: weight.detach() for name, weight in subject.weights().items()},
        weight_gradients=of_weights,
        loss=loss.item(),
        config=subject.config,
    )


class Recorder(TorchFunctionMode):
    """Keeps tensors by name while a model runs; as a mode it sees also the calls that no module announces."""

    def __init__(self, config: ModelConfig, ids: Tensor, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.kept: dict[str, tuple[Tensor, Layout, int | None, float]] = {}
        self.config, self.ids = config, ids
        self.layer: int | None = None  # the block whose attention is at work
        self.fused_linears: dict[int, tuple[str | None, str | None]] = {}
        for name, weight in weights.items():
            block = ".".join(name.split(".")[:2])
            part = name.removeprefix(f"{block}.")
            if part in INTO or part in OUT:
                ends = (f"{block}.{table[part]}" if part in table else None for table in (INTO, OUT))
                self.fused_linears[id(weight)] = (next(ends), next(ends))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run any call of torch; keep what goes through those weights, and what goes through a softmax."""
        result = func(*args, **(kwargs or {}))
        called = getattr(func, "__name__", "")
        if called == "linear" and len(args) > 1 and id(args[1]) in self.fused_linears:
            into, out = self.fused_linears[id(args[1])]
            if into is not None:
                self.keep(into, args[0], "stream")
            if out is not None:
                self.keep(out, result, "stream")
        elif called == "softmax" and self.layer is not None and self._among_positions(result):
            self.keep(f"blocks.{self.layer}.attention.scores", args[0], "scores")
            self.keep(f"blocks.{self.layer}.attention.pattern", result, "scores")
        return result

    def _among_positions(self, y: Any) -> bool:
        length = self.ids.shape[1]
        return isinstance(y, Tensor) and y.dim() >= 4 and y.shape[-2:] == (length, length)

    def keep(self, point: str, x: Tensor, layout: Layout, part: int | None = None, factor: float = 1.0) -> None:
        """Keep a tensor under a name; a later one of the same name takes its place."""
        self.kept[point] = x, layout, part, factor

    def watching(self, subject: InspectedModel) -> ExitStack:
        """Put everything in place that keeps tensors; leaving the context takes it away again."""
        with ExitStack() as setting_up:  # an error on the way undoes what was done so far
            for tap in subject.hook_points():
                setting_up.callback(self._hook(tap))
            for layer, attention in subject.attention_modules().items():
                before = attention.register_forward_pre_hook(self._entering(layer))
                after = attention.register_forward_hook(self._entering(None))
                setting_up.callback(before.remove)
                setting_up.callback(after.remove)
            setting_up.enter_context(subject.kernels(self._note))
            setting_up.enter_context(self)
            return setting_up.pop_all()

    def _hook(self, tap: HookPoint) -> Callable[[], None]:
        def keep(module: nn.Module, inputs: tuple[Any, ...], further: dict[str, Any], *output: Any) -> None:
            x = output[0] if tap.side == "output" else next(iter((*inputs, *further.values())))
            while isinstance(x, tuple | list):  # some foreign modules give more than one thing
                x = x[0]
            self.keep(tap.point, x, tap.layout, tap.part)

        if tap.side == "output":
            return tap.module.register_forward_hook(keep, with_kwargs=True).remove
        return tap.module.register_forward_pre_hook(keep, with_kwargs=True).remove

    def _entering(self, layer: int | None) -> Callable[..., None]:
        def enter(*_: Any) -> None:
            self.layer = layer

        return enter

    def _note(self, call: KernelCall) -> None:
        name = f"blocks.{call.layer}.attention"
        # Where a model scales its scores by another number, its queries count as stretched, as ours then are.
        self.keep(f"{name}.rot_q", call.query, "heads", None, call.scale * call.query.shape[-1] ** 0.5)
        self.keep(f"{name}.rot_k", call.key, "heads")
        if call.mask is not None:
            self.keep(f"{name}.mask", call.mask, "mask")

    def gradients(self, subject: InspectedModel, loss: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Take the loss back, and give the gradients of what was kept and of the weights."""
        places = {point: kept[0] for point, kept in self.kept.items() if kept[0].requires_grad}
        weights = [weight for weight in subject.module.parameters() if weight.requires_grad]
        wanted = [*places.values(), *weights]
        if not wanted or not loss.requires_grad:
            return {}, {}
        found = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
        of_places = {
            point: self.laid_out(point, gradient, backward=True) for point, gradient in zip(places, found, strict=False)
        }
        of_weights = zip(weights, found[len(places) :], strict=True)
        return of_places, subject.named({id(weight): gradient for weight, gradient in of_weights})

    def laid_out(self, point: str, x: Tensor, *, backward: bool = False) -> Tensor:
        """Give the numbers of a point in the one order that all models share."""
        _, layout, part, factor = self.kept[point]
        batch, length = self.ids.shape
        if layout == "mask":
            visible = x if x.dtype == torch.bool else x > HIDDEN
            return visible.reshape(-1, *x.shape[-2:])[:1].float()
        if part is not None:
            x = x.chunk(3, dim=-1)[part]
        if layout == "stream":
            return x.reshape(batch, length, -1)
        if layout == "scores":
            if point.endswith("scores") and not backward:  # what hides a key may be -1e9, -1e30 or -infinity
                shares = self.kept[point.replace("scores", "pattern")][0]
                x = x.masked_fill(shares.detach() == 0, 0.0)
            return x.reshape(batch, -1, length, length)
        if x.dim() == 3:  # normalised over all heads at once
            x = x.reshape(batch, length, -1, self.config.d_head).transpose(1, 2)
        elif x.dim() == 5:  # heads in groups
            x = x.flatten(1, 2)
        elif layout == "positions first":
            x = x.transpose(1, 2)
        return x if factor == 1.0 else x / factor if backward else x * factor
